// The state of the page, and everything that changes it.

import { Player } from "./player.js";
import { same } from "./same.js";
import { addEvents, clone, mergeEvent, mergeSwap, paramsAt } from "./session.js";
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
  // A start that the server has not answered.
  #starting = null;
  // The last session that the server took, and whether it has one now.
  #accepted = null;
  #isRunning = false;
  // Where a start was to be fast-forwarded to.
  #goal = 0;
  // The last edit, and the same until the server has answered.
  #sent = null;
  #pending = null;

  constructor(socket, options, presets) {
    this.socket = socket;
    this.options = options;
    this.presets = presets;
    this.titles = new Map(options.algorithms.map((one) => [one.name, one.title]));
    this.player = new Player((message) => this.#drive(message), () => this.shown);
    socket.on("started", (message) => this.#started(message));
    socket.on("session", ({ session }) => this.#changed(session));
    socket.on("ticks", (message) => this.#ticks(message));
    socket.on("event", (message) => this.#event(message));
    socket.on("swapped", ({ swap }) => this.#swapped(swap));
    socket.on("status", (status) => this.#status(status));
    socket.on("oracle", ({ spans }) => this.#oracle(spans));
    socket.on("error", (error) => this.#refused(error));
  }

  on(kind, listener) {
    if (!this.#listeners.has(kind)) this.#listeners.set(kind, []);
    this.#listeners.get(kind).push(listener);
  }

  emit(kind, detail) {
    for (const listener of this.#listeners.get(kind) ?? []) listener(detail);
  }

  get lanes() {
    return this.session.lanes.length;
  }

  /** The parameters that the knobs show. */
  get params() {
    return paramsAt(this.session, this.scope === "start" ? 0 : this.player.head);
  }

  get length() {
    return seconds(this.session.run.length);
  }

  /** Begins a session from 0, or fast-forwards it to `at`; without a connection, as soon as there is one. */
  start(session, { at = 0, play = false, preset = null } = {}) {
    this.#starting = { session, at, play, preset };
    this.socket.send({ do: "start", session, at, play, speed: this.player.speed });
  }

  /** Begins where it was, on a new connection. */
  resume() {
    const at = Math.min(Math.max(this.store.end, this.shown.end), 86400);
    const here = { session: this.session, preset: this.preset, at, play: this.player.playing };
    const { session, ...how } = this.#starting ?? here;
    this.start(session, how);
  }

  /** The connection is gone, and the run with it. */
  lost() {
    this.#isRunning = false;
    this.#pending = null;
    this.player.status.replaying = false;
  }

  /** Changes the session with `edit`; the server replays what was before now. */
  edit(edit) {
    const before = this.#pending ?? this.session;
    const next = clone(before);
    edit(next);
    if (same(next, before)) return;
    const { most_events: most } = this.options;
    if (next.run.events.length > most) {
      this.emit("error", { field: "run.events", message: `must be at most ${most} events, got ${next.run.events.length}` });
      return;
    }
    this.#sent = next;
    if (this.socket.isOpen) {
      this.#pending = next;
      this.socket.send({ do: "replace", session: next });
      return;
    }
    this.#changed(next);
    this.emit("error", { field: "", message: "not connected: the change is kept, and holds once the server is back" });
  }

  /** Where event `index` of the last edit is in the list that is shown; -1 if it is not. */
  indexOfSent(index) {
    const { events } = this.session.run;
    const sent = this.#sent?.run.events;
    if (!sent || sent.length === events.length) return index;
    return events.findIndex((one) => same(one, sent[index]));
  }

  /** Turns knobs. */
  set(change) {
    this.#change(
      (session) => Object.assign(session.run.start, change),
      { do: "set", change },
      (session) => mergeEvent(session, { at: atTime(this.#now), set: change }),
      Object.keys(change)[0],
    );
  }

  /** Changes what limiters do at their limit: `key` is "at_limit" or "at_plant_limit". */
  setAtLimit(key, value) {
    this.#change(
      (session) => (session.run[key] = value),
      { do: "set", [key]: value },
      (session) => addEvents(session, [{ at: atTime(this.#now), [key]: value }]),
      key,
    );
  }

  /** Changes an algorithm: `lane` from 0, `side` "client" or "plant". */
  swap(lane, side, algorithm) {
    this.#change(
      (session) => (session.lanes[lane][side] = algorithm),
      { do: "swap", lane, side, algorithm },
      (session) => mergeSwap(session, { at: atTime(this.#now), lane, side, algorithm }),
    );
  }

  /** Adds events at the times they say. */
  add(events) {
    this.edit((session) => addEvents(session, events));
  }

  #drive(message) {
    // These end a fast-forward.
    if (message.do === "pause" || message.do === "to_end") this.#goal = 0;
    this.socket.send(message);
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
  #change(atStart, message, atHead, field = null) {
    const { player } = this;
    const isNew = player.status.t === 0 && !player.playing;
    if (this.scope === "start" || player.stopped || (isNew && !this.#isReplaying)) return this.edit(atStart);
    const { most_events: most } = this.options;
    if (field && this.session.run.events.length >= most) {
      this.emit("error", { field, message: `there are ${most} events already, and there can be no more: remove some, or apply changes from the start` });
      return;
    }
    // While the past is simulated again, the server's now is not the user's.
    const isLive = player.attached && !player.ended && !this.#isReplaying && this.socket.isOpen;
    if (isLive) this.socket.send(message);
    else if (this.#isBeforeTheEnd()) this.edit(atHead);
  }

  get #isReplaying() {
    return this.#pending !== null || this.player.status.replaying || this.store.end < this.#goal - 0.05;
  }

  /** The moment that the user means. */
  get #now() {
    const { head, attached } = this.player;
    return attached && this.store.end < this.#goal ? Math.max(head, this.#goal) : head;
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
    this.#pending = null;
    this.#accepted = session;
    this.#isRunning = true;
    if (this.#starting) {
      const { preset, play, at } = this.#starting;
      this.preset = preset;
      this.player.playing = play;
      this.#goal = Math.min(at, seconds(session.run.length));
      this.#starting = null;
    } else {
      this.#goal = 0;
    }
    this.store = new Store(session.lanes.length, tick);
    // While a changed run is replayed, the old one stays on the screen.
    const keep = replaying && before !== null && before.lanes.length === session.lanes.length;
    if (!keep) this.shown = this.store;
    this.player.restarted(replaying);
    this.emit("session", { structure: true });
  }

  /** Whatever is refused, the server goes on with what it has; if it has nothing, it needs something. */
  #refused(error) {
    this.#pending = null;
    if (error.message.includes("the run was stopped")) {
      this.player.stop();
      this.emit("stopped", error);
      return;
    }
    const refused = this.#starting;
    this.#starting = null;
    if (!refused) return this.emit("error", error);
    const [first] = this.presets;
    const other = this.#accepted && !same(this.#accepted, refused.session) ? this.#accepted : null;
    const instead = other ? { session: other, preset: this.preset } : { session: clone(first.session), preset: first.name };
    this.emit("unstartable", { ...error, instead: this.#isRunning || other ? "What was here before" : "The first preset" });
    if (!this.#isRunning) return this.start(instead.session, { preset: instead.preset, play: true });
    // The view of the refused address is in force.
    this.player.setSpeed(this.player.speed);
    this.emit("session", {});
  }

  #changed(session) {
    this.#pending = null;
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
