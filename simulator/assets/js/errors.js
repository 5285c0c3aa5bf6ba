// Messages of the server go to the field they are about; those about no field, into a box on top.

import { byId, h, setText } from "./dom.js";

export class Errors {
  #fields = new Map();
  #lanes = () => false;
  #events = () => false;
  #box = byId("messages");
  #timer = null;

  register(name, control) {
    this.#fields.set(name, control);
  }

  registerLanes(fail) {
    this.#lanes = fail;
  }

  registerEvents(fail) {
    this.#events = fail;
  }

  /** Shows a message at the field of a path such as `run.events[3].set.rate`. */
  show({ field, message }) {
    const event = /^run\.events\[(\d+)\]/.exec(field);
    if (event && this.#events(Number(event[1]), message)) return;
    const limiter = /^lanes\[(\d+)\]\.(client|plant)\b.*?(\w+)$/.exec(field);
    if (limiter && this.#lanes(Number(limiter[1]), limiter[2], limiter[3], message)) return;
    const control = event || limiter ? null : this.#fields.get(field.split(".").at(-1));
    if (control) {
      control.root.closest("details")?.setAttribute("open", "");
      control.fail(message);
      return;
    }
    this.say(field ? `${field}: ${message}` : message);
  }

  /** Shows a message in the box for a while. */
  say(message) {
    clearTimeout(this.#timer);
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", on: { click: () => this.#clear() } }, "×");
    this.#box.replaceChildren(h("p", {}, message), close);
    this.#timer = setTimeout(() => this.#clear(), 12000);
  }

  #clear() {
    this.#box.replaceChildren();
  }
}

/** Says something to screen readers only. */
export function announce(text) {
  setText(byId("live"), text);
}
