// What each chart shows. `lane: true` has one line per lane, the others are shared by all.

import { backdrop } from "./backdrop.js";
import { hasPlant } from "./session.js";
import { Strip } from "./strip.js";
import { seconds, short, shortMs } from "./units.js";

/** The charts for a session, from the top down. */
export function kindsOf(session) {
  const plant = hasPlant(session);
  const kinds = [
    {
      id: "limit",
      title: "Limit",
      unit: "requests",
      format: short,
      strip: (app, host) => new Strip(app, host),
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
      mark: ({ session }) => seconds(session.run.slo) * 1000,
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
  return kinds.map((kind) => ({ ...kind, behind: (u, app, colors) => backdrop(u, app.session, Boolean(kind.mark), colors) }));
}
