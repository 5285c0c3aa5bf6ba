// What a session says: parameters and algorithms at a time, and how it is changed.

import { atTime, seconds } from "./units.js";

export const MOST_LANES = 4;
export const clone = (value) => structuredClone(value);

/** The parameters at `time`: those of the start and every change until then. */
export function paramsAt(session, time) {
  const params = { ...session.run.start };
  for (const event of session.run.events) {
    if (seconds(event.at) > time + 1e-9) break;
    Object.assign(params, event.set);
  }
  return params;
}

/** What limiters do at their limit at `time`. */
export function atLimits(session, time) {
  const { at_limit, at_plant_limit, events } = session.run;
  const found = { at_limit, at_plant_limit };
  for (const event of events) {
    if (seconds(event.at) > time + 1e-9) break;
    for (const key of Object.keys(found)) found[key] = event[key] ?? found[key];
  }
  return found;
}

/** The algorithm of one side of a lane at `time`; null is no limiter. */
export function algorithmAt(session, lane, side, time) {
  let algorithm = session.lanes[lane]?.[side] ?? null;
  for (const swap of session.swaps) {
    if (swap.lane !== lane || swap.side !== side) continue;
    if (seconds(swap.at) <= time + 1e-9) algorithm = swap.algorithm;
  }
  return algorithm;
}

/** Whether any lane ever has a limiter at the plant. */
export function hasPlant(session) {
  return session.lanes.some((lane) => lane.plant) || session.swaps.some((swap) => swap.side === "plant" && swap.algorithm);
}

/** Adds events, in the order of time. */
export function addEvents(session, events) {
  session.run.events.push(...events);
  sortEvents(session);
}

/** Puts events in the order of time; those at the same time stay in theirs. */
export function sortEvents(session) {
  session.run.events.sort((a, b) => seconds(a.at) - seconds(b.at));
  session.swaps.sort((a, b) => seconds(a.at) - seconds(b.at));
}

/** Adds an event, into the one that the knobs made at the same time if there is one. */
export function mergeEvent(session, event) {
  const last = session.run.events.findLast((one) => one.at === event.at);
  if (last && !last.note && !last.over && !last.burst && !last.pause) Object.assign((last.set ??= {}), event.set);
  else addEvents(session, [event]);
}

/** Adds a change of an algorithm, in the place of one at the same time. */
export function mergeSwap(session, swap) {
  const twin = (one) => one.at === swap.at && one.lane === swap.lane && one.side === swap.side;
  session.swaps = session.swaps.filter((one) => !twin(one));
  session.swaps.push(swap);
  session.swaps.sort((a, b) => seconds(a.at) - seconds(b.at));
}

/** What an event does, in a few words. */
export function describeEvent(event) {
  if (event.note) return event.note;
  const parts = Object.entries(event.set ?? {}).map(([name, value]) => `${words(name)} ${value}`);
  if (event.at_limit) parts.push(`clients ${event.at_limit.does}`);
  if (event.at_plant_limit) parts.push(`plant: ${event.at_plant_limit.does}`);
  if (event.burst) parts.push(`burst of ${event.burst}`);
  if (event.pause) parts.push(`pause of ${event.pause}`);
  const over = event.over ? ` over ${event.over}` : "";
  return (parts.join(", ") || "nothing") + over;
}

/** What a swap does, in a few words. */
export function describeSwap(swap, titles) {
  const what = swap.algorithm ? title(swap.algorithm, titles) : "no limiter";
  return `${String.fromCharCode(65 + swap.lane)}: ${swap.side === "plant" ? "plant " : ""}${what}`;
}

/** The name of an algorithm for people. */
export function title(algorithm, titles) {
  if (!algorithm) return "no limiter";
  const name = titles.get(algorithm.name) ?? algorithm.name;
  const limit = algorithm.name === "fixed" ? ` ${algorithm.limit}` : "";
  return `${name}${limit}${algorithm.window ? ", windowed" : ""}`;
}

/** The name of a lane for people, at a time. */
export function laneTitle(session, lane, time, titles) {
  const client = algorithmAt(session, lane, "client", time);
  const plant = algorithmAt(session, lane, "plant", time);
  if (!plant) return title(client, titles);
  if (!client) return `plant: ${title(plant, titles)}`;
  return `${title(client, titles)} + plant: ${title(plant, titles)}`;
}

export const words = (name) => name.replaceAll("_", " ");

/** The events that one press of the events lane adds at `time`. */
export function suggestions(session, time) {
  const params = paramsAt(session, time);
  const at = atTime(time);
  const lossy = { black_hole: true, ...(params.deadline === "none" ? { deadline: "1s" } : {}) };
  // Without a deadline, what is lost would stay in flight for ever.
  const after = params.deadline === "none" ? { deadline: "none" } : {};
  const half = Math.max(1, Math.round(params.servers / 2));
  const latency = seconds(params.latency) * 1000 + 60;
  return [
    ["Capacity halves here", [{ at, note: "capacity halves", set: { servers: half } }]],
    ["Capacity doubles", [{ at, note: "capacity doubles", set: { servers: Math.min(100000, params.servers * 2) } }]],
    ["Load doubles", [{ at, note: "load doubles", set: { rate: params.rate * 2, clients: params.clients * 2 } }]],
    ["Load halves", [{ at, note: "load halves", set: { rate: params.rate / 2, clients: Math.round(params.clients / 2) } }]],
    ["Latency +60 ms", [{ at, note: "latency +60 ms", set: { latency: `${Math.round(latency * 1000)}us` } }]],
    ["Black hole for 10 s", [
      { at, note: "black hole", set: lossy },
      { at: atTime(time + 10), note: "black hole ends", set: { black_hole: false, ...after } },
    ]],
    ["Burst of 500", [{ at, note: "burst of 500", burst: 500 }]],
    ["Pause of 1 s", [{ at, note: "pause of 1 s", pause: "1s" }]],
    ["As at the start", [{ at, note: "as at the start", set: { ...session.run.start } }]],
  ];
}
