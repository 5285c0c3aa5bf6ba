// Keeps the page and its address in step.

import { SPEEDS } from "./player.js";
import { same } from "./same.js";
import { encode } from "./url.js";

export class Address {
  #last = location.hash;
  #timer = null;
  #push = false;

  constructor(app, load) {
    this.app = app;
    addEventListener("hashchange", () => {
      if (location.hash === this.#last) return;
      this.#last = location.hash;
      load(location.hash);
    });
  }

  /** Writes the state soon; `push` makes it a step that "back" undoes. */
  update(push = false) {
    this.#push ||= push;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.write(), 250);
  }

  /** Writes the state at once, the time too if it stands still or `withTime`; returns the whole address. */
  async write(withTime = false) {
    clearTimeout(this.#timer);
    const { app } = this;
    if (!app.session) return location.href;
    const hash = await encode(app.session, app.presets, app.options.run, viewOf(app, withTime));
    if (hash !== location.hash) {
      this.#last = hash;
      if (this.#push) history.pushState(null, "", hash);
      else history.replaceState(null, "", hash);
      this.#push = false;
    }
    return location.href;
  }
}

const HIDDEN_AT_FIRST = "p50 p95 plant_in_flight refused timed_out waiting wasted";

/** What of the view goes into the address: what differs from how the page begins. */
function viewOf({ view, player, preset, scope, session, presets }, withTime) {
  const hidden = [...view.hidden].sort().join(" ");
  return {
    from: preset && !presets.some((one) => same(one.session, session)) ? preset : null,
    t: (player.playing && !withTime) || player.head < 0.05 ? null : player.head.toFixed(1),
    paused: player.playing || player.head >= 0.05 ? null : "1",
    apply: scope === "start" ? "start" : null,
    speed: player.speed === 1 ? null : String(player.speed),
    window: view.window === "all" ? null : view.window,
    zoom: view.zoom ? view.zoom.map((one) => one.toFixed(1)).join(" ") : null,
    hide: hidden === HIDDEN_AT_FIRST ? null : hidden || "-",
    linear: view.log ? null : "1",
  };
}

/** Takes over what an address says about the view. */
export function applyView(app, view) {
  const { player } = app;
  const speed = Number(view.speed ?? 1);
  const distance = (one) => Math.abs(Math.log(one / speed));
  player.speed = speed > 0 ? SPEEDS.reduce((best, one) => (distance(one) < distance(best) ? one : best)) : 1;
  app.scope = view.apply === "start" ? "start" : "now";
  app.view.window = ["10", "30", "60", "300"].includes(view.window) ? view.window : "all";
  const zoom = (view.zoom ?? "").split(" ").map(Number);
  app.view.zoom = zoom.length === 2 && zoom[1] > zoom[0] ? zoom : null;
  const hidden = view.hide ?? HIDDEN_AT_FIRST;
  app.view.hidden = new Set(hidden === "-" ? [] : hidden.split(" "));
  app.view.log = view.linear !== "1";
  const time = Number(view.t ?? 0);
  const at = time > 0 && time <= 86400 ? time : 0;
  return { at, play: at === 0 && view.paused !== "1" };
}
