// Time: what the server simulates, and which moment of what was seen is shown.
//
// The head is the moment shown. It is attached to the newest tick, or, after scrubbing back, it plays
// back what was seen, at the same speed, until it has caught up.

export const SPEEDS = [0.25, 0.5, 1, 2, 5, 10, 20];

export class Player {
  head = 0;
  playing = false;
  attached = true;
  speed = 1;
  /** Whether the server gave up the run. */
  stopped = false;
  status = { t: 0, playing: false, speed: 1, actual: 1, replaying: false, ended: false };
  #send;
  #store;

  constructor(send, store) {
    this.#send = send;
    this.#store = store;
  }

  get seen() {
    return this.#store().end;
  }

  get ended() {
    return this.status.ended && !this.status.replaying;
  }

  play() {
    if (this.stopped) return;
    if (this.ended && this.head >= this.seen - 0.05) {
      this.head = 0;
      this.attached = false;
    }
    this.playing = true;
    if (this.attached) this.#send({ do: "play" });
  }

  pause() {
    this.playing = false;
    this.#send({ do: "pause" });
    if (this.attached) this.head = this.seen;
  }

  step(ticks) {
    this.playing = false;
    if (this.attached && ticks > 0 && !this.ended) this.#send({ do: "step", ticks });
    else this.scrub(Math.round((this.head + ticks * this.#store().tick) * 10) / 10);
  }

  /** Simulates the rest as fast as it goes. */
  toEnd() {
    this.playing = false;
    this.attached = true;
    if (!this.ended) this.#send({ do: "to_end" });
    this.head = this.seen;
  }

  setSpeed(speed) {
    this.speed = speed;
    this.#send({ do: "speed", speed });
  }

  /** Shows another moment of what was seen. */
  scrub(time) {
    this.head = Math.max(0, Math.min(time, this.seen));
    const attach = this.head >= this.seen - 0.05;
    if (attach && !this.attached && this.playing && !this.ended) this.#send({ do: "play" });
    if (!attach && this.attached) this.#send({ do: "pause" });
    this.attached = attach;
    if (attach && this.ended) this.playing = false;
  }

  /** A new run began. */
  restarted(keepHead) {
    this.stopped = false;
    this.status = { ...this.status, replaying: keepHead };
    if (keepHead) return;
    this.head = 0;
    this.attached = true;
  }

  /** The server gave up the run. */
  stop() {
    this.stopped = true;
    this.playing = false;
  }

  /** What the server says about itself. */
  heard(status) {
    this.status = status;
  }

  /** Moves the head by the time between two frames. */
  frame(elapsed) {
    const { seen } = this;
    if (this.attached) {
      const moving = this.playing && !this.status.replaying;
      if (!moving) this.head = seen;
      else this.head = follow(this.head, seen, elapsed * this.speed);
      if (this.ended && seen > 0 && this.head >= seen - 0.01) this.playing = false;
      return;
    }
    if (!this.playing) return;
    this.head = Math.min(seen, this.head + elapsed * this.speed);
    if (this.head < seen) return;
    this.attached = true;
    if (this.ended) this.playing = false;
    else this.#send({ do: "play" });
  }
}

/** The head glides behind the newest tick: at the speed of the run, faster if it has fallen behind. */
function follow(head, seen, step) {
  const behind = seen - head;
  if (behind <= 0) return seen;
  const lag = 3 * step + 0.1;
  return head + Math.min(behind, step + Math.max(0, behind - lag) * 0.2);
}
