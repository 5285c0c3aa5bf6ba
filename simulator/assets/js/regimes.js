// Latency regimes: from when on a service time and its spread hold. They are events, too.

import { announce, byId, focusNext, h, setText } from "./dom.js";
import { check, textOf } from "./field.js";
import { sortEvents } from "./session.js";
import { seconds } from "./units.js";

const KEYS = ["service", "service_time", "service_cv"];

export class Regimes {
  #body = byId("regimes");
  #removed = null;

  constructor(app) {
    this.app = app;
    byId("add-regime").addEventListener("click", () => this.#add());
    app.on("session", () => this.show());
  }

  show() {
    if (this.#body.contains(document.activeElement) && document.activeElement.matches("input")) return;
    const { run } = this.app.session;
    const first = this.#row("0s", run.start, null);
    let now = { ...run.start };
    const rows = run.events.flatMap((event, i) => {
      if (!isRegime(event)) return [];
      now = { ...now, ...event.set };
      return [this.#row(event.at, now, i)];
    });
    this.#body.replaceChildren(first, ...rows);
    focusNext(this.#body, this.#removed, byId("add-regime"));
    this.#removed = null;
  }

  /** A row; `index` is that of its event, null for the start. */
  #row(at, params, index) {
    const specs = new Map(this.app.options.params.map((spec) => [spec.name, spec]));
    const error = h("p", { class: "field-error", hidden: true });
    const cell = (label, value, spec, change) => {
      const input = h("input", { type: "text", value: textOf(value), "aria-label": label, spellcheck: "false", autocomplete: "off", disabled: index === null && label === "from" });
      input.addEventListener("change", () => {
        const { value: read, problem } = check(input.value, spec);
        setText(error, problem ?? "");
        error.hidden = !problem;
        input.toggleAttribute("aria-invalid", Boolean(problem));
        if (problem) return announce(`${label}: ${problem}`);
        input.blur();
        this.#edit(index, read, change);
      });
      return h("td", {}, input);
    };
    const remove = index === null ? null : h("button", { type: "button", class: "quiet", "aria-label": "Remove this regime", on: {
      click: (event) => {
        this.#removed = event.target.closest("tr").rowIndex - 1;
        this.app.edit((session) => session.run.events.splice(index, 1));
      } } }, "×");
    const cv = params.service === "lognormal" ? params.service_cv : { constant: 0, exponential: 1 }[params.service] ?? "";
    return h("tr", {},
      cell("from", at, { kind: "duration", min: "0s", max: "1day" }, (_, event, value) => (event.at = value)),
      cell("service time", params.service_time, specs.get("service_time"), (set, _, value) => (set.service_time = value)),
      cell("spread (cv)", cv, specs.get("service_cv"), (set, _, value) => Object.assign(set, { service: "lognormal", service_cv: value })),
      h("td", {}, remove, error));
  }

  #edit(index, value, change) {
    this.app.edit((session) => {
      const event = index === null ? null : session.run.events[index];
      change(event ? event.set : session.run.start, event, value);
      sortEvents(session);
    });
  }

  #add() {
    const { app } = this;
    const starts = app.session.run.events.filter(isRegime).map((event) => seconds(event.at));
    const at = `${Math.min(86400, Math.round(Math.max(0, ...starts) + app.length / 6))}s`;
    const { service_time, service_cv, service } = app.session.run.start;
    app.add([{ at, note: "regime", set: { service_time, ...(service === "lognormal" ? { service_cv } : {}) } }]);
  }
}

/** Whether an event only changes service times. */
function isRegime(event) {
  const names = Object.keys(event.set ?? {});
  return names.length > 0 && names.every((name) => KEYS.includes(name)) && !event.burst && !event.pause && !event.over;
}
