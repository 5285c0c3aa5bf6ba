// What was seen of a limiter since the page was opened, and how fast its counts grow.

import { Column } from "./columns.js";

export const COLUMNS = ["limit", "in_flight", "waiting", "rtt", "baseline", "finished", "rejected", "spared"];

export class History {
  /** Seconds between two entries, about. */
  tick = 0.25;
  t = new Column(Float64Array);
  columns = Object.fromEntries(COLUMNS.map((name) => [name, new Column()]));
  /** The times at which its configuration has changed. */
  marks = [];
  now = null;
  /** Per second, over the last second. */
  rates = {};
  /** Over the last five. */
  steady = {};
  #recent = [];

  /** Adds what it is like at `time`, in seconds. */
  add(time, snapshot) {
    if (this.length > 0 && time <= this.end) return;
    this.now = snapshot;
    this.#measure(time, snapshot);
    if (time - this.end > GAP) this.#write(this.end + this.tick, {});
    this.#write(time, {
      limit: snapshot.limit,
      in_flight: snapshot.in_flight,
      waiting: snapshot.waiting,
      rtt: ms(snapshot.smoothed_rtt_seconds),
      baseline: ms(snapshot.report.baseline_seconds),
      ...this.rates,
    });
    if (this.length > MOST) this.#forget(this.length - MOST / 2);
  }

  #write(time, values) {
    this.t.write(this.length, [time]);
    for (const name of COLUMNS) this.columns[name].write(this.length - 1, [values[name]]);
  }

  #measure(time, snapshot) {
    const recent = this.#recent;
    recent.push({ time, snapshot });
    while (recent.length > 2 && recent[1].time <= time - 5) recent.shift();
    this.steady = ratesSince(recent[0], time, snapshot);
    this.rates = ratesSince(recent.findLast((one) => one.time <= time - 1) ?? recent[0], time, snapshot);
  }

  #forget(count) {
    for (const column of [this.t, ...Object.values(this.columns)]) column.forget(count);
    this.marks = this.marks.filter((time) => time >= this.t.data[0]);
  }

  get length() {
    return this.t.length;
  }

  /** The time of the last entry. */
  get end() {
    return this.length === 0 ? Infinity : this.t.data[this.length - 1];
  }

  /** The index of the first entry at or after `time`. */
  indexAt(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t.data[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  source(name) {
    return this.columns[name].data;
  }

  value(name, _, index) {
    return index < 0 || index >= this.length ? NaN : this.columns[name].data[index];
  }
}

function ratesSince(first, time, snapshot) {
  const rate = (name) => (time > first.time ? Math.max(0, snapshot[name] - first.snapshot[name]) / (time - first.time) : 0);
  return { finished: rate("finished"), rejected: rate("rejected"), spared: rate("spared") };
}

const ms = (seconds) => (seconds === null ? undefined : seconds * 1000);
/** After so many seconds without news the lines are interrupted. */
const GAP = 4;
/** Twice the longest window, at four entries a second. */
const MOST = 2 * 900 * 4;
