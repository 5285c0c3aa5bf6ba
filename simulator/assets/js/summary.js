// What the charts say, in numbers: one row per lane, over the time that is shown.

import { announce, byId, h, setText } from "./dom.js";
import { swatch } from "./lanes.js";
import { laneTitle } from "./session.js";
import { clock, short, shortMs } from "./units.js";

const COLUMNS = ["goodput", "of what can be", "p50", "p99", "rejected", "timed out", "mean limit", "best fixed"];

export class Summary {
  #body = byId("summary");
  #rows = [];
  #said = 0;

  constructor(app) {
    this.app = app;
    byId("summary-head").append(h("th", { scope: "col" }, "algorithm"), ...COLUMNS.map((name) => h("th", { scope: "col" }, name)));
  }

  /** Computes and writes the rows; called a few times a second. */
  show(range) {
    const { app } = this;
    const { session, shown } = app;
    if (this.#rows.length !== session.lanes.length) this.#rebuild(session.lanes.length);
    const from = shown.indexAt(range[0]);
    const to = Math.max(from, shown.indexAt(Math.min(range[1], range[2]) + 1e-6));
    const until = clock(Math.min(range[1], range[2]));
    setText(byId("summary-range"), `${clock(range[0])} to ${until}`);
    const rows = this.#rows.map((row, lane) => {
      const numbers = summarize(shown, lane, from, to);
      setText(row.name, laneTitle(session, lane, range[2], app.titles));
      row.cells.forEach((cell, i) => setText(cell, numbers[i]));
      return `${row.name.textContent}: goodput ${numbers[0]}, p99 ${numbers[3]}, mean limit ${numbers[6]}${experiments(shown.marks[lane], range)}`;
    });
    this.#say(`At ${until}: ${rows.join("; ")}`);
  }

  /** Every ten seconds at most, and when the time stands still. */
  #say(text) {
    const now = performance.now();
    if (now - this.#said < 10000) return;
    this.#said = now;
    announce(text);
  }

  #rebuild(count) {
    this.#rows = Array.from({ length: count }, (_, lane) => {
      const name = h("span", {});
      const cells = COLUMNS.map(() => h("td", {}, "–"));
      const row = h("tr", { class: `lane${lane}` }, h("th", { scope: "row" }, swatch(lane), name), ...cells);
      return { name, cells, row };
    });
    this.#body.replaceChildren(...this.#rows.map(({ row }) => row));
  }
}

/** What there is to say of a lane that experiments. */
function experiments(marks, range) {
  if (!marks?.experiments) return "";
  const until = Math.min(range[1], range[2]);
  const last = marks.lastAt(until);
  return `, ${marks.phaseAt(until)?.phase ?? "no phase"}${last ? `, last verdict ${last.finding} at ${clock(last.at)}` : ""}`;
}

/** The texts of a row. Percentiles are those of the seconds, weighted by what was served in each. */
function summarize(store, lane, from, to) {
  const lanes = store.lanes[lane];
  if (!lanes || to <= from) return COLUMNS.map(() => "–");
  const sum = (data) => {
    let total = 0;
    for (let i = from; i < to; i += 1) if (!Number.isNaN(data[i])) total += data[i];
    return total;
  };
  const goodput = sum(lanes.goodput.data);
  const rejected = sum(lanes.rejected.data);
  const attempts = sum(lanes.sent.data);
  const share = (part, whole) => (whole > 0 ? `${((100 * part) / whole).toFixed(1)}%` : "–");
  const useful = Math.min(sum(store.shared.capacity.data), sum(store.shared.offered.data));
  return [
    `${short(goodput / (to - from))}/s`,
    share(goodput, useful),
    shortMs(mean(lanes.p50.data, lanes.goodput.data, from, to)),
    shortMs(mean(lanes.p99.data, lanes.goodput.data, from, to)),
    share(rejected, attempts),
    share(sum(lanes.timed_out.data), attempts),
    short(mean(lanes.limit.data, null, from, to)),
    short(meanOf(from, to, (i) => store.oracleAt(store.t.data[i]))),
  ];
}

function mean(data, weights, from, to) {
  let total = 0;
  let weight = 0;
  for (let i = from; i < to; i += 1) {
    if (Number.isNaN(data[i])) continue;
    const one = weights ? weights[i] + 1e-6 : 1;
    total += data[i] * one;
    weight += one;
  }
  return weight > 0 ? total / weight : NaN;
}

function meanOf(from, to, value) {
  let total = 0;
  let count = 0;
  for (let i = from; i < to; i += 1) {
    const one = value(i);
    if (Number.isNaN(one)) continue;
    total += one;
    count += 1;
  }
  return count > 0 ? total / count : NaN;
}
