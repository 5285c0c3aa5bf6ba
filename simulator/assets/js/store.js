// What was seen: columns that grow, one entry per tick of simulated time.

import { Column } from "./columns.js";
import { Marks } from "./marks.js";

export const SHARED = ["offered", "capacity"];
export const COLUMNS = [
  "limit", "in_flight", "plant_limit", "plant_in_flight", "p50", "p95", "p99",
  "goodput", "sent", "rejected", "refused", "timed_out", "wasted", "queue", "waiting",
];

export class Store {
  constructor(lanes, tick) {
    this.tick = tick;
    this.t = new Column(Float64Array);
    this.shared = Object.fromEntries(SHARED.map((name) => [name, new Column()]));
    this.lanes = Array.from({ length: lanes }, () =>
      Object.fromEntries(COLUMNS.map((name) => [name, new Column()])));
    this.marks = Array.from({ length: lanes }, () => new Marks());
    this.oracle = [];
  }

  /** Takes over a message of ticks. */
  append(message) {
    const { first } = message;
    if (first > this.t.length) return;
    this.t.write(first, message.t);
    for (const name of SHARED) this.shared[name].write(first, message[name]);
    message.lanes.forEach((lane, i) => {
      for (const name of COLUMNS) {
        const column = this.lanes[i]?.[name];
        if (column && lane[name]) column.write(first, lane[name]);
      }
      this.marks[i]?.append(lane);
    });
  }

  get length() {
    return this.t.length;
  }

  /** The time of the last tick, in seconds. */
  get end() {
    return this.length === 0 ? 0 : this.t.data[this.length - 1];
  }

  /** The index of the first tick at or after `time`. */
  indexAt(time) {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t.data[middle] < time - 1e-6) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The best fixed limit at `time`, if it is known. */
  oracleAt(time) {
    for (const span of this.oracle) {
      if (time >= span.from - 1e-6 && (span.to === null || time <= span.to)) return span.limit;
    }
    return NaN;
  }

  /** The numbers of a line, or a function of time; null if there are none. */
  source(name, lane) {
    if (name === "oracle") return (time) => this.oracleAt(time);
    return (lane === null ? this.shared[name] : this.lanes[lane]?.[name])?.data ?? null;
  }

  /** One value: of a lane if `lane` is a number, shared otherwise. */
  value(name, lane, index) {
    if (index < 0 || index >= this.length) return NaN;
    if (name === "oracle") return this.oracleAt(this.t.data[index]);
    const column = lane === null ? this.shared[name] : this.lanes[lane]?.[name];
    return column && index < column.length ? column.data[index] : NaN;
  }
}
