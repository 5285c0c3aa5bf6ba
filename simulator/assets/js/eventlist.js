// All events as a list that can be edited, and the changes of algorithms.

import { announce, byId, focusNext, h, setText } from "./dom.js";
import { check } from "./field.js";
import { describeEvent, describeSwap, sortEvents } from "./session.js";

const SHOWN = 100;
const LIMITS = ["at_limit", "at_plant_limit"];
const AT = { kind: "duration", min: "0s", max: "1day" };

export class EventList {
  #list = byId("event-list");
  #rows = [];
  // The row whose removal is under way: the focus goes to the one that takes its place.
  #removed = null;

  constructor(app, errors) {
    this.app = app;
    errors.registerEvents((index, message) => this.#fail(index, message));
    app.on("session", () => this.show());
    app.on("custom-event", (at) => this.#new(at));
    byId("add-event").addEventListener("click", () => this.#new("10s"));
    byId("clear-events").addEventListener("click", () => app.edit((session) => {
      session.run.events = [];
      session.swaps = [];
    }));
  }

  show() {
    const { session, titles, options } = this.app;
    if (this.#list.contains(document.activeElement) && document.activeElement.matches("input")) return;
    const { events } = session.run;
    this.#rows = events.slice(0, SHOWN).map((event, i) => this.#row(event, i));
    const swaps = session.swaps.map((swap, i) => this.#swap(swap, i, titles));
    this.#list.replaceChildren(...this.#rows, ...swaps);
    focusNext(this.#list, this.#removed, byId("add-event"));
    this.#removed = null;
    const more = events.length > SHOWN ? `, of which the first ${SHOWN} are here` : "";
    setText(byId("event-count"), events.length > 0 ? `${events.length} of at most ${options.most_events}${more}` : "none yet: turn a knob while it runs, or click into the lane below the charts");
    byId("clear-events").hidden = events.length + session.swaps.length === 0;
  }

  #row(event, i) {
    const at = this.#input("time", event.at, (value, fail) => {
      const { value: time, problem } = check(value, AT);
      if (problem) return fail(problem);
      this.#edit(i, (one) => (one.at = time));
    });
    const what = this.#input("what happens", written(event), (value, fail) => {
      const parsed = readEvent(value, this.app.options);
      if (parsed.problem) return fail(parsed.problem);
      this.#edit(i, (one) => {
        for (const key of ["set", "burst", "pause", "over", "note", ...LIMITS]) delete one[key];
        Object.assign(one, parsed.event);
      });
    });
    const remove = h("button", { type: "button", class: "quiet", "aria-label": `Remove: ${describeEvent(event)}`, on: {
      click: () => this.#remove((session) => session.run.events.splice(i, 1), i) } }, "×");
    const error = h("p", { class: "field-error", hidden: true });
    return h("li", {}, h("span", { class: "at" }, at), h("span", { class: "what" }, what), remove, error);
  }

  #input(label, value, commit) {
    const input = h("input", { type: "text", value, "aria-label": label, spellcheck: "false", autocomplete: "off" });
    input.addEventListener("change", () => {
      const error = input.closest("li").querySelector(".field-error");
      const fail = (message) => {
        setText(error, message);
        error.hidden = !message;
        if (message) announce(`${label}: ${message}`);
        if (message) input.setAttribute("aria-invalid", "true");
        else input.removeAttribute("aria-invalid");
      };
      fail("");
      commit(input.value, fail);
    });
    return input;
  }

  #swap(swap, i, titles) {
    const remove = h("button", { type: "button", class: "quiet", "aria-label": "Remove this change of algorithm", on: {
      click: () => this.#remove((session) => session.swaps.splice(i, 1), this.#rows.length + i) } }, "×");
    return h("li", { class: `lane${swap.lane}` }, h("span", { class: "at" }, swap.at), h("span", { class: "what" }, describeSwap(swap, titles)), remove);
  }

  #remove(change, row) {
    this.#removed = row;
    this.app.edit(change);
  }

  #edit(i, change) {
    document.activeElement?.blur();
    this.app.edit((session) => {
      change(session.run.events[i]);
      sortEvents(session);
    });
  }

  /** Adds an event that sets the load to what it is, to be edited. */
  #new(at) {
    const { app } = this;
    byId("events").open = true;
    app.add([{ at, set: { rate: app.params.rate } }]);
    const focus = () => {
      const index = app.session.run.events.findIndex((event) => event.at === at);
      this.#rows[index]?.querySelector(".what input")?.select();
    };
    setTimeout(focus, 300);
  }

  #fail(index, message) {
    const error = this.#rows[this.app.indexOfSent(index)]?.querySelector(".field-error");
    if (!error) return false;
    byId("events").open = true;
    setText(error, message);
    error.hidden = false;
    announce(message);
    return true;
  }
}

/** An event as one line of text: "rate=200 latency=20ms over 5s". */
function written(event) {
  const parts = Object.entries(event.set ?? {}).map(([name, value]) => `${name}=${String(value).replaceAll(" ", "")}`);
  for (const key of LIMITS) if (event[key]) parts.push(`${key}=${limitText(event[key])}`);
  if (event.burst) parts.push(`burst=${event.burst}`);
  if (event.pause) parts.push(`pause=${event.pause.replaceAll(" ", "")}`);
  if (event.over) parts.push(`over=${event.over.replaceAll(" ", "")}`);
  return parts.join(" ");
}

/** Reads such a line; `problem` says which part is wrong. */
function readEvent(text, options) {
  const event = { set: {} };
  const specs = new Map(options.params.map((spec) => [spec.name, spec]));
  const duration = { kind: "duration", min: "0s", max: "1day" };
  const extra = new Map([["over", duration], ["pause", { ...duration, max: "1h" }], ["burst", { kind: "integer", min: 0 }]]);
  for (const part of text.trim().split(/\s+/).filter(Boolean)) {
    const [name, value] = part.split("=");
    if (LIMITS.includes(name)) {
      const limit = readLimit(value ?? "");
      if (!limit) return { problem: `${name} must be reject, wait, or wait:100 with room for 100, got "${value ?? ""}"` };
      event[name] = limit;
      continue;
    }
    const spec = specs.get(name) ?? extra.get(name);
    if (!spec || value === undefined) return { problem: `must be options with values, as "rate=200 latency=20ms over=5s", got "${part}"` };
    const { value: read, problem } = spec.kind === "flag" ? flag(value) : spec.kind === "choice" ? choice(value, spec) : check(value, spec);
    if (problem) return { problem: `${name} ${problem}` };
    if (extra.has(name)) event[name] = read;
    else event.set[name] = read;
  }
  return { event };
}

const limitText = ({ does, room }) => (does === "wait" && room !== undefined && room !== "none" ? `wait:${room}` : does);

function readLimit(text) {
  if (text === "reject") return { does: "reject" };
  const room = /^wait(?::(\d{1,9}))?$/.exec(text);
  return room && { does: "wait", room: room[1] === undefined ? "none" : Number(room[1]) };
}

const flag = (text) => (text === "true" || text === "false" ? { value: text === "true" } : { problem: `must be true or false, got "${text}"` });
const choice = (text, { choices }) => (choices.includes(text) ? { value: text } : { problem: `must be one of ${choices.join(", ")}, got "${text}"` });
