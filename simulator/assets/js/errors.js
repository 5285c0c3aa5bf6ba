// Messages of the server go to the field they are about; those about no field, into a box on top.

import { byId, h } from "./dom.js";

export class Errors {
  #fields = new Map();
  #lanes = () => false;
  #events = () => false;
  #box = byId("messages");
  #timer = null;
  #stays = false;

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

  /** A run began: what was wrong with another is of no interest. */
  started() {
    for (const control of this.#fields.values()) control.clear();
    if (this.#stays) this.#clear();
  }

  /** Shows a message in the box, for a while or until a run begins. */
  say(message, { stays = false } = {}) {
    clearTimeout(this.#timer);
    this.#stays = stays;
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", on: { click: () => this.#clear() } }, "×");
    this.#box.replaceChildren(h("p", {}, message), close);
    if (!stays) this.#timer = setTimeout(() => this.#clear(), 12000);
  }

  /** Shows a text that is to be copied by hand. */
  offer(message, text) {
    this.say(message, { stays: true });
    const input = h("input", { type: "text", value: text, readonly: true, "aria-label": message });
    this.#box.firstElementChild.append(input);
    input.select();
  }

  #clear() {
    this.#stays = false;
    this.#box.replaceChildren();
  }
}
