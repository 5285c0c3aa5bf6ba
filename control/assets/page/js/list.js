// The list of all limiters, each with its state in a word.

import { byId, h, setHidden, setText } from "./dom.js";
import { stateOf } from "./state.js";
import { short, shortMs } from "./units.js";

export class List {
  #host = byId("list");
  #filter = byId("filter");
  #rows = new Map();

  /** `choose` hears the name of a limiter that is chosen. */
  constructor(choose) {
    this.choose = choose;
    this.#filter.addEventListener("input", () => this.#hide());
  }

  /** Shows what is known of all: a map of histories by name, in order. */
  show(histories, chosen) {
    const names = [...histories.keys()];
    if (names.length !== this.#rows.size || !names.every((name) => this.#rows.has(name))) this.#rebuild(names);
    const counts = new Map();
    for (const [name, history] of histories) {
      const { level } = this.#update(this.#rows.get(name), history, name === chosen);
      counts.set(level, (counts.get(level) ?? 0) + 1);
    }
    setHidden(byId("none"), names.length > 0);
    setHidden(byId("filter-field"), names.length <= FEW);
    setText(byId("overview"), overview(names.length, counts));
  }

  #rebuild(names) {
    for (const name of this.#rows.keys()) if (!names.includes(name)) this.#rows.delete(name);
    for (const name of names) if (!this.#rows.has(name)) this.#rows.set(name, this.#row(name));
    const focused = document.activeElement;
    this.#host.replaceChildren(...names.map((name) => this.#rows.get(name).root));
    if (focused?.isConnected) focused.focus();
    this.#hide();
  }

  #row(name) {
    const button = h("button", { type: "button", class: "name", title: name }, name === "" ? "(no name)" : name);
    const dot = h("i", { class: "light", "aria-hidden": "true" });
    const cells = Object.fromEntries(CELLS.map((key) => [key, h("td", { class: RARER.includes(key) ? "rarer" : null })]));
    const word = h("span", {});
    const state = h("td", {}, h("span", { class: "word" }, dot, word));
    const root = h("tr", { on: { click: () => this.choose(name) } }, h("th", { scope: "row" }, button), state, ...Object.values(cells));
    return { root, button, word, dot, cells, name };
  }

  #update(row, history, isChosen) {
    const state = stateOf(history);
    const { now, steady } = history;
    setText(row.word, state.word);
    if (row.dot.dataset.level !== state.level) row.dot.dataset.level = state.level;
    row.root.title = state.text;
    row.button.setAttribute("aria-pressed", String(isChosen));
    row.root.classList.toggle("chosen", isChosen);
    const ms = (seconds) => shortMs(seconds === null ? null : seconds * 1000);
    setText(row.cells.limit, short(now.limit));
    setText(row.cells.inFlight, short(now.in_flight));
    setText(row.cells.waiting, short(now.waiting));
    setText(row.cells.rejected, short(steady.rejected));
    setText(row.cells.rtt, ms(now.smoothed_rtt_seconds));
    setText(row.cells.baseline, ms(now.report.baseline_seconds));
    return state;
  }

  #hide() {
    const wanted = this.#filter.value.trim().toLowerCase();
    for (const { root, name } of this.#rows.values()) setHidden(root, !name.toLowerCase().includes(wanted));
  }
}

function overview(count, counts) {
  if (count === 0) return "";
  const parts = [`${count} ${count === 1 ? "limiter" : "limiters"}`];
  for (const [level, words] of [["harms", "to look at"], ["protects", "protecting"]]) {
    if (counts.has(level)) parts.push(`${counts.get(level)} ${words}`);
  }
  return parts.join(", ");
}

const CELLS = ["limit", "inFlight", "waiting", "rejected", "rtt", "baseline"];
const RARER = ["waiting", "rtt", "baseline"];
/** So many are found without a filter. */
const FEW = 10;
