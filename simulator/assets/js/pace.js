// How many charts one frame can draw, so that the page stays smooth on a slow machine.

/** Of the 16.7 ms between two frames; the rest is for all else. */
const BUDGET_MS = 9;

export class FramePace {
  #each = 1;
  #begun = 0;
  #count = 0;
  #channel = new MessageChannel();

  constructor() {
    // Canvases are painted at the end of the frame, so the time is taken after it: a message comes then.
    this.#channel.port1.onmessage = () => {
      const each = (performance.now() - this.#begun) / this.#count;
      this.#each += (each - this.#each) * 0.2;
    };
  }

  /** How many charts the next frame may draw: at least two, or they would be seen to differ. */
  get room() {
    return Math.max(2, Math.floor(BUDGET_MS / this.#each));
  }

  /** Takes the time of a frame that began at `begun` and draws `count` charts. */
  measure(begun, count) {
    this.#begun = begun;
    this.#count = count;
    this.#channel.port2.postMessage(null);
  }
}
