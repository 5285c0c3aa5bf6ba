// What a limiter is doing, in plain words.

import { short } from "./units.js";

/**
 * `level` is how much it matters (`calm`, `busy`, `protects`, `harms`, `off`), `word` a word for the list, and `text` a
 * sentence with the figures.
 */
export function stateOf({ now, steady }) {
  const state = ofWork(now, steady);
  return now.paused ? { ...state, word: `${state.word}, paused`, text: `${state.text} Learning is paused.` } : state;
}

function ofWork(now, rates) {
  const { limit, in_flight: inFlight, waiting } = now;
  if (now.closed) return off("closed", `Closed: turns all new requests away; ${inFlight} still running.`);
  if (now.frozen) return { level: "harms", word: "frozen", text: `Its algorithm has panicked: the limit stays at ${short(limit)} until another one is chosen.` };
  if (now.mode === "observe") {
    const would = rates.spared > 0 ? `would have turned away or delayed ${short(rates.spared)}/s` : "would turn nobody away";
    return { level: rates.spared > 0 ? "busy" : "off", word: "observes", text: `Only observes, at a limit of ${short(limit)}: lets everybody in, and ${would}.` };
  }
  if (rates.rejected > 0) return rejecting(now, short(rates.rejected));
  if (waiting > 0) return { level: "busy", word: "queues", text: `Full: ${short(waiting)} waiting for a permit, nobody turned away.` };
  if (inFlight >= limit) return { level: "busy", word: "full", text: `Full: all ${short(limit)} permits are out, nobody turned away.` };
  if (inFlight === 0 && rates.finished === 0) return off("idle", "Idle: nothing comes.");
  return { level: "calm", word: "has room", text: `Has room: ${short(inFlight)} of ${short(limit)} in use.` };
}

function rejecting({ limit, bounds, paused, smoothed_rtt_seconds: rtt, report }, rate) {
  const ratio = rtt !== null && report.baseline_seconds > 0 ? rtt / report.baseline_seconds : null;
  const times = ratio === null ? "" : `${ratio.toFixed(1)} × its baseline`;
  if (ratio !== null && ratio < NEAR && limit >= bounds.max) {
    return { level: "harms", word: "too tight?", text: `Turns away ${rate}/s at its upper bound of ${short(bounds.max)}, while latency is ${times}: raise the bound if the service has room.` };
  }
  if (ratio !== null && ratio < NEAR && paused) {
    return { level: "harms", word: "too tight?", text: `Turns away ${rate}/s at a limit of ${short(limit)} that may not rise, while latency is ${times}.` };
  }
  if (ratio !== null && ratio >= NEAR && limit <= bounds.min) {
    return { level: "harms", word: "at its lowest", text: `Turns away ${rate}/s at its lower bound of ${short(bounds.min)}, and latency is still ${times}: the service cannot do even that.` };
  }
  const keeps = ratio === null ? `holds the limit at ${short(limit)}` : `keeps latency at ${times}`;
  return { level: "protects", word: "protects", text: `Protects: turns away ${rate}/s and ${keeps}.` };
}

const off = (word, text) => ({ level: "off", word, text });

/** Up to so many times the baseline, latency is at its baseline. */
const NEAR = 1.3;
