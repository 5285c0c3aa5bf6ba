// Up to four algorithms side by side: a card for each, with the limiters of client and plant.

import { AlgorithmEditor } from "./algorithm.js";
import { byId, h, setText } from "./dom.js";
import { DASHES } from "./scales.js";
import { MOST_LANES, algorithmAt, laneTitle } from "./session.js";

export class Lanes {
  #cards = [];
  #host = byId("lanes");
  #add = byId("add-lane");

  constructor(app, errors) {
    this.app = app;
    this.#add.addEventListener("click", () => this.#addLane());
    errors.registerLanes((lane, side, name, message) => this.#cards[lane]?.[side].fail(name, message) ?? false);
    app.on("session", ({ structure }) => {
      if (structure) for (const card of this.#cards) for (const side of [card.client, card.plant]) side.clear();
      this.show();
    });
  }

  /** Shows the algorithms at the head. */
  show() {
    const { app } = this;
    const { session } = app;
    if (this.#cards.length !== session.lanes.length) this.#rebuild(session.lanes.length);
    const time = app.scope === "start" ? 0 : app.player.head;
    this.#cards.forEach((card, lane) => {
      setText(card.name, laneTitle(session, lane, time, app.titles));
      card.client.show(algorithmAt(session, lane, "client", time));
      card.plant.show(algorithmAt(session, lane, "plant", time));
    });
    this.#add.hidden = session.lanes.length >= MOST_LANES;
  }

  #rebuild(count) {
    this.#cards = Array.from({ length: count }, (_, lane) => this.#card(lane, count));
    this.#host.replaceChildren(...this.#cards.map((card) => card.root));
  }

  #card(lane, count) {
    const letter = String.fromCharCode(65 + lane);
    const editor = (side) =>
      new AlgorithmEditor(this.app.options, { owner: letter, label: side, none: "no limiter" }, (algorithm) => this.app.swap(lane, side, algorithm));
    const [client, plant] = [editor("client"), editor("plant")];
    const name = h("span", { class: "lane-name" });
    const remove = h("button", { type: "button", class: "quiet", "aria-label": `Remove ${letter}`, title: "Remove", on: { click: () => this.#remove(lane) } }, "×");
    const root = h("section", { class: `lane lane${lane}`, "aria-label": `Algorithm ${letter}` },
      h("header", {}, swatch(lane), h("h3", {}, h("span", { class: "letter" }, letter), name), count > 1 ? remove : null),
      client.root, plant.root);
    return { root, name, client, plant };
  }

  #addLane() {
    const { app } = this;
    const used = new Set(app.session.lanes.map((lane) => lane.client?.name));
    const entry = app.options.algorithms.find((one) => !used.has(one.name)) ?? app.options.algorithms[0];
    const client = { name: entry.name, ...Object.fromEntries(entry.options.map((one) => [one.name, one.default])) };
    app.edit((session) => session.lanes.push({ client, plant: null }));
  }

  #remove(lane) {
    this.app.edit((session) => {
      session.lanes.splice(lane, 1);
      session.swaps = session.swaps
        .filter((swap) => swap.lane !== lane)
        .map((swap) => ({ ...swap, lane: swap.lane > lane ? swap.lane - 1 : swap.lane }));
    });
  }
}

/** The colour and the dashes of a lane, as its lines have them. */
export function swatch(lane) {
  return h("svg", { class: "swatch", viewBox: "0 0 28 8", width: 28, height: 8, "aria-hidden": "true" },
    h("line", { x1: 1, y1: 4, x2: 27, y2: 4, "stroke-dasharray": DASHES[lane].join(" ") }));
}
