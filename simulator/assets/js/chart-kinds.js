// What each chart shows. `lane: true` has one line per lane, the others are shared by all.

import { hasPlant } from "./session.js";
import { short, shortMs } from "./units.js";

/** The charts for a session, from the top down. */
export function kindsOf(session) {
  const plant = hasPlant(session);
  return [
    {
      id: "limit",
      title: "Limit",
      unit: "requests",
      format: short,
      strip: true,
      series: [
        { key: "limit", label: "limit", lane: true, weight: 2 },
        { key: "in_flight", label: "in flight", lane: true, weight: 1, faint: true, clip: true },
        ...(plant
          ? [
              { key: "plant_limit", label: "plant limit", lane: true, weight: 1.5, dotted: true },
              { key: "plant_in_flight", label: "plant in flight", lane: true, weight: 1, faint: true, clip: true },
            ]
          : []),
        { key: "oracle", label: "best fixed", lane: false, guest: true, color: "--oracle", dash: [5, 4], weight: 1.5 },
      ],
    },
    {
      id: "latency",
      title: "Latency",
      unit: "ms, last second",
      format: shortMs,
      slo: true,
      canLog: true,
      series: [
        { key: "p99", label: "p99", lane: true, weight: 2 },
        { key: "p95", label: "p95", lane: true, weight: 1.25 },
        { key: "p50", label: "p50", lane: true, weight: 1, faint: true },
      ],
    },
    {
      id: "goodput",
      title: "Goodput",
      unit: "per second",
      format: short,
      series: [
        { key: "goodput", label: "goodput", lane: true, weight: 2 },
        { key: "offered", label: "offered", lane: false, color: "--offered", weight: 1.25, clip: true },
        { key: "capacity", label: "capacity", lane: false, color: "--oracle", dash: [5, 4], weight: 1.5, clip: true },
      ],
    },
    {
      id: "rejected",
      title: "Turned away",
      unit: "per second",
      format: short,
      series: [
        { key: "rejected", label: "rejected", lane: true, weight: 2 },
        { key: "refused", label: "queue full", lane: true, weight: 1.25, faint: true },
        { key: "timed_out", label: "timed out", lane: true, weight: 1.25, dotted: true },
        { key: "wasted", label: "wasted work", lane: true, weight: 1, faint: true },
      ],
    },
    {
      id: "queue",
      title: "Queue",
      unit: "requests",
      format: short,
      series: [
        { key: "queue", label: "at the plant", lane: true, weight: 2 },
        { key: "waiting", label: "for a permit", lane: true, weight: 1.25, dotted: true },
      ],
    },
  ];
}

export const DASHES = [[], [9, 4], [3, 3], [9, 3, 2, 3]];

/** A round number at or above `value`, so that the axis moves rarely. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * 0.9999);
  return step * power;
}

/** The range of a logarithmic axis around the values. */
export function logRange(low, high) {
  const bottom = Math.max(0.01, Number.isFinite(low) && low > 0 ? low : 1);
  const top = Math.max(Number.isFinite(high) ? high : 10, bottom * 1.5);
  const power = 10 ** Math.floor(Math.log10(bottom));
  const floor = [5, 2, 1].find((one) => one * power <= bottom) ?? 1;
  return [floor * power, roundUp(top * 1.15)];
}
