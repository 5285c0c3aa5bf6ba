// The bar on top: play, pause, step, speed, reset, seed, to the end, and where the time is.

import { byId, h, setHidden, setText } from "./dom.js";
import { SPEEDS } from "./player.js";
import { check } from "./field.js";
import { clock } from "./units.js";

export class Transport {
  #play = byId("play");
  #speed = byId("speed");
  #seed = byId("seed");
  #scrub = byId("scrub");
  #moment = "";

  constructor(app) {
    this.app = app;
    const { player } = app;
    this.#play.addEventListener("click", () => this.toggle());
    byId("step").addEventListener("click", () => player.step(1));
    byId("to-end").addEventListener("click", () => player.toEnd());
    byId("reset").addEventListener("click", () => this.reset());
    byId("keep-going").addEventListener("click", () => app.keepGoing());
    this.#speed.append(...SPEEDS.map((speed) => h("option", { value: speed }, `${speed}×`)));
    this.#speed.value = String(player.speed);
    this.#speed.addEventListener("change", () => {
      player.setSpeed(Number(this.#speed.value));
      app.emit("view");
    });
    app.on("view", () => {
      this.#speed.value = String(player.speed);
    });
    this.#seed.addEventListener("change", () => this.#changeSeed());
    this.#scrub.addEventListener("input", () => {
      player.scrub(Number(this.#scrub.value));
      app.emit("scrub");
    });
    app.on("session", () => {
      if (document.activeElement !== this.#seed) this.#seed.value = app.session.seed;
    });
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  toggle() {
    const { player } = this.app;
    if (player.playing) player.pause();
    else player.play();
  }

  reset() {
    const { app } = this;
    app.start(app.session, { preset: app.preset, play: app.player.playing });
  }

  /** Shows the time; called for every frame. */
  frame() {
    const { app } = this;
    const { player } = app;
    const label = player.playing ? "Pause" : "Play";
    if (this.#play.getAttribute("aria-label") !== label) {
      this.#play.setAttribute("aria-label", label);
      this.#play.classList.toggle("playing", player.playing);
    }
    const isAtEnd = player.ended && player.attached;
    const [toEnd, keepGoing] = [byId("to-end"), byId("keep-going")];
    const focused = document.activeElement;
    setHidden(keepGoing, !isAtEnd);
    setHidden(toEnd, isAtEnd);
    // One is in the place of the other, for the keyboard, too.
    if (focused === toEnd && isAtEnd) keepGoing.focus();
    if (focused === keepGoing && !isAtEnd) toEnd.focus();
    setText(byId("state"), stateOf(player));
    const end = Math.max(app.length, player.seen, 0.1);
    const moment = `${player.head.toFixed(1)} ${player.seen} ${end}`;
    if (moment !== this.#moment) this.#show(player, end);
    this.#moment = moment;
  }

  #show(player, end) {
    setText(byId("time"), clock(player.head));
    setText(byId("length"), clock(end));
    this.#scrub.max = end.toFixed(1);
    this.#scrub.value = player.head.toFixed(1);
    this.#scrub.setAttribute("aria-valuetext", clock(player.head));
    const share = (time) => `${((100 * time) / end).toFixed(2)}%`;
    this.#scrub.style.setProperty("--head", share(player.head));
    this.#scrub.style.setProperty("--seen", share(player.seen));
  }

  #changeSeed() {
    const spec = { kind: "integer", min: 0, max: Number.MAX_SAFE_INTEGER };
    const { value, problem } = check(this.#seed.value, spec);
    byId("seed-error").hidden = !problem;
    setText(byId("seed-error"), problem ? `seed: ${problem}` : "");
    if (problem) this.#seed.setAttribute("aria-invalid", "true");
    else {
      this.#seed.removeAttribute("aria-invalid");
      this.app.edit((session) => {
        session.seed = value;
      });
    }
  }

  /** Space plays and pauses, unless a control has the focus that wants it. */
  #key(event) {
    if (event.target.closest("input, select, textarea, button, summary, [role=slider], [role=menu]") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " ") this.toggle();
    else if (event.key === ".") this.app.player.step(1);
    else if (event.key === ",") this.app.player.step(-1);
    else return;
    event.preventDefault();
  }
}

function stateOf(player) {
  const { status } = player;
  if (player.stopped) return "stopped";
  if (status.replaying) return "replaying";
  if (!player.attached) return player.playing ? "playing back" : "looking back";
  if (player.ended) return "ended";
  if (status.playing && status.actual < status.speed * 0.9) return `${status.actual.toFixed(1)}× is all it can`;
  return status.playing ? "live" : "paused";
}
