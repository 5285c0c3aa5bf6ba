// The state of the page, and everything that changes it.

import { Player } from "./player.js";
import { addEvents, clone, paramsAt, same } from "./session.js";
import { Store } from "./store.js";
import { atTime, seconds } from "./units.js";

export class App {
  session = null;
  preset = null;
  scope = "now";
  store = new Store(0, 0.1);
  shown = this.store;
  view = { window: "all", zoom: null, hidden: new Set(["p50", "p95", "plant_in_flight", "waiting", "refused", "timed_out", "wasted"]), log: true };
  cursor = null;
  #listeners = new Map();

  constructor(socket, options, presets) {
    this.socket = socket;
    this.options = options;
    this.presets = presets;
    this.titles = new Map(options.algorithms.map((one) => [one.name, one.title]));
    this.player = new Player((message) => socket.send(message), () => this.shown);
    socket.on("started", (message) => this.#started(message));
    socket.on("session", ({ session }) => this.#changed(session));
    socket.on("ticks", (message) => this.#ticks(message));
    socket.on("event", (message) => this.#event(message));
    socket.on("swapped", ({ swap }) => this.#swapped(swap));
    socket.on("status", (status) => this.#status(status));
    socket.on("oracle", ({ spans }) => this.#oracle(spans));
    socket.on("error", (error) => this.emit("error", error));
  }

  on(kind, listener) {
    if (!this.#listeners.has(kind)) this.#listeners.set(kind, []);
    this.#listeners.get(kind).push(listener);
  }

  emit(kind, detail) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(detail);
  }

  /** The parameters that the knobs show. */
  get params() {
    return paramsAt(this.session, this.scope === "start" ? 0 : this.player.head);
  }

  get length() {
    return seconds(this.session.run.length);
  }

  /** Begins a session from 0, or fast-forwards it to `at`. */
  start(session, { at = 0, play = false, preset = null } = {}) {
    this.preset = preset;
    this.player.restarted(false);
    this.player.playing = play;
    this.socket.send({ do: "start", session, at, play, speed: this.player.speed });
  }

  /** Changes the session with `edit`; the server replays what was before now. */
  edit(edit) {
    const next = clone(this.session);
    edit(next);
    if (same(next, this.session)) return;
    const { most_events: most } = this.options;
    if (next.run.events.length > most) {
      this.emit("error", { field: "run.events", message: `must be at most ${most} events, got ${next.run.events.length}` });
      return;
    }
    this.socket.send({ do: "replace", session: next });
  }

  /** Turns knobs. */
  set(change) {
    this.#change(
      (session) => Object.assign(session.run.start, change),
      { do: "set", change },
      (session) => mergeEvent(session, { at: atTime(this.player.head), set: change }),
    );
  }

  /** Changes what limiters do at their limit: `key` is "at_limit" or "at_plant_limit". */
  setAtLimit(key, value) {
    this.#change(
      (session) => (session.run[key] = value),
      { do: "set", [key]: value },
      (session) => addEvents(session, [{ at: atTime(this.player.head), [key]: value }]),
    );
  }

  /** Changes an algorithm: `lane` from 0, `side` "client" or "plant". */
  swap(lane, side, algorithm) {
    this.#change(
      (session) => (session.lanes[lane][side] = algorithm),
      { do: "swap", lane, side, algorithm },
      (session) => mergeSwap(session, { at: atTime(this.player.head), lane, side, algorithm }),
    );
  }

  /** Adds events at the times they say. */
  add(events) {
    this.edit((session) => addEvents(session, events));
  }

  /** Goes on beyond the end. */
  keepGoing() {
    const length = atTime(Math.min(86400, this.length * 2));
    this.edit((session) => {
      session.run.length = length;
    });
    this.player.attached = true;
    this.player.playing = true;
    this.socket.send({ do: "play" });
  }

  /** Makes a change where the user wants it: at the start, now, or at the moment that is shown. */
  #change(atStart, message, atHead) {
    const { player } = this;
    if (this.scope === "start" || (player.status.t === 0 && !player.playing)) this.edit(atStart);
    else if (player.attached && !player.ended) this.socket.send(message);
    else if (this.#isBeforeTheEnd()) this.edit(atHead);
  }

  #isBeforeTheEnd() {
    if (this.player.head < this.length - 0.05) return true;
    const message = `the run has ended at ${this.session.run.length}: move the time back, apply changes from the start, or keep going`;
    this.emit("error", { field: "", message });
    return false;
  }

  #started({ session, tick, replaying }) {
    const before = this.session;
    this.session = session;
    this.store = new Store(session.lanes.length, tick);
    // While a changed run is replayed, the old one stays on the screen.
    const keep = replaying && before !== null && before.lanes.length === session.lanes.length;
    if (!keep) this.shown = this.store;
    this.player.restarted(replaying);
    this.emit("session", { structure: true });
  }

  #changed(session) {
    this.session = session;
    this.emit("session", {});
  }

  #ticks(message) {
    this.store.append(message);
    if (this.shown !== this.store && this.store.end >= this.shown.end - 0.05) this.#show();
  }

  #event({ index, merged, event }) {
    this.session.run.events.splice(index, merged ? 1 : 0, event);
    this.emit("session", {});
  }

  #swapped(swap) {
    this.session.swaps.push(swap);
    this.emit("session", { swapped: swap });
  }

  #status(status) {
    this.player.heard(status);
    if (!status.replaying && this.shown !== this.store) this.#show();
    this.emit("status", status);
  }

  #oracle(spans) {
    this.store.oracle = spans;
    this.emit("data");
  }

  #show() {
    this.store.oracle = this.store.oracle.length > 0 ? this.store.oracle : this.shown.oracle;
    this.shown = this.store;
    this.emit("data");
  }
}

/** Adds an event, into the one that the knobs made at the same time if there is one. */
function mergeEvent(session, event) {
  const last = session.run.events.findLast((one) => one.at === event.at);
  if (last && !last.note && !last.over && !last.burst && !last.pause) Object.assign((last.set ??= {}), event.set);
  else addEvents(session, [event]);
}

function mergeSwap(session, swap) {
  const twin = (one) => one.at === swap.at && one.lane === swap.lane && one.side === swap.side;
  session.swaps = session.swaps.filter((one) => !twin(one));
  session.swaps.push(swap);
  session.swaps.sort((a, b) => seconds(a.at) - seconds(b.at));
}
