// What the algorithm of a lane has said of itself: its phases, and how its experiments ended.

import { clock, short, shortMs } from "./units.js";

/** What a lane is doing whose algorithm experiments. Other algorithms have other words. */
const OF_EXPERIMENTS = ["start-up", "steady", "experiment"];

export class Marks {
  /** `{from, phase}`, in the order of time. */
  phases = [];
  /** `{at, finding, limits, rtts_ms, elasticity}`, in the order of time. */
  verdicts = [];
  /** Whether its algorithm is one that experiments. */
  experiments = false;

  /** Takes over the news of a lane in a message of ticks. */
  append({ phases = [], verdicts = [] }) {
    for (const one of phases) {
      if (one.phase !== (this.phases.at(-1)?.phase ?? null)) this.phases.push(one);
      this.experiments ||= OF_EXPERIMENTS.includes(one.phase);
    }
    this.verdicts.push(...verdicts);
    this.experiments ||= verdicts.length > 0;
  }

  /** The phase at `time`: `{from, to, phase}`; `to` is null if it goes on. */
  phaseAt(time) {
    const i = after(this.phases, "from", time) - 1;
    return i < 0 ? null : { ...this.phases[i], to: this.phases[i + 1]?.from ?? null };
  }

  /** The times at which it was in `phase`, as `[from, to]`, between two times. */
  *spans(phase, from, to) {
    const { phases } = this;
    for (let i = Math.max(0, after(phases, "from", from) - 1); i < phases.length && phases[i].from < to; i += 1) {
      if (phases[i].phase === phase) yield [Math.max(from, phases[i].from), Math.min(to, phases[i + 1]?.from ?? to)];
    }
  }

  /** The verdicts after `from`, `to` included. */
  between(from, to) {
    return this.verdicts.slice(after(this.verdicts, "at", from), after(this.verdicts, "at", to));
  }

  /** The last verdict up to `time`. */
  lastAt(time) {
    return this.verdicts[after(this.verdicts, "at", time) - 1] ?? null;
  }

  /**
   * The verdicts up to `to`, those together that are less than `apart` seconds after the first of them. Begins
   * at the first of all, so that a window that slides does not group them anew.
   */
  groups(to, apart) {
    const groups = [];
    const end = after(this.verdicts, "at", to);
    for (let i = 0; i < end; i += 1) {
      const last = groups.at(-1);
      if (last && this.verdicts[i].at - last[0].at < apart) last.push(this.verdicts[i]);
      else groups.push([this.verdicts[i]]);
    }
    return groups;
  }
}

/** A verdict in a line. */
export function describeVerdict({ finding, at, limits, rtts_ms: rtts, elasticity }) {
  const change = (values, write) => `${write(values[0])} → ${write(values[1])}`;
  return `${finding} at ${clock(at)}; limit ${change(limits, short)}, RTT ${change(rtts, shortMs)}, elasticity ${(Math.round((elasticity ?? 0) * 10) / 10 + 0).toFixed(1)}`;
}

/** How many there are of each finding: "3 queue, 1 slower". */
export function countVerdicts(verdicts) {
  const counts = new Map(Object.keys(GLYPHS).map((finding) => [finding, 0]));
  for (const { finding } of verdicts) counts.set(finding, (counts.get(finding) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > 0).map(([finding, count]) => `${count} ${finding}`).join(", ");
}

/** The finding that most of some verdicts have; of several, the last. */
export function mostly(verdicts) {
  const count = (finding) => verdicts.filter((one) => one.finding === finding).length;
  return verdicts.reduce((best, one) => (count(one.finding) >= count(best) ? one.finding : best), verdicts[0].finding);
}

/** The shapes of findings, in a square of 12: down, unmoved, nothing. */
export const GLYPHS = {
  queue: "M1 2h10L6 11z",
  slower: "M6 1l5 5l-5 5l-5 -5z",
  unclear: "M6 2.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0 -7z",
};

/** The index of the first of `list` whose `key` is after `time`. */
function after(list, key, time) {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][key] <= time) low = middle + 1;
    else high = middle;
  }
  return low;
}
