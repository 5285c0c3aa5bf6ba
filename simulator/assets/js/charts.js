// All charts together: one time axis, one cursor, one zoom.

import { kindsOf } from "./chart-kinds.js";
import { Chart } from "./chart.js";
import { colors, onThemeChange } from "./colors.js";
import { byId } from "./dom.js";
import { FramePace } from "./pace.js";

export class Charts {
  charts = [];
  #host = byId("charts");
  #shape = "";
  #drawn = "";
  #pass = null;
  #next = Infinity;
  #pace = new FramePace();

  constructor(app) {
    this.app = app;
    app.on("session", () => this.rebuild());
    app.on("toggle", () => this.refresh());
    app.on("verdict", ({ lane, verdict }) => this.showVerdict(lane, verdict));
    app.on("data", () => this.invalidate());
    app.on("view", () => {
      if (app.session) this.rebuild();
    });
    onThemeChange(() => this.rebuild(true));
    new ResizeObserver(() => this.layout()).observe(this.#host);
    const bar = document.querySelector(".bar");
    const below = () => document.documentElement.style.setProperty("--bar", `${bar.offsetHeight}px`);
    new ResizeObserver(below).observe(bar);
  }

  /** Makes the charts anew if there are other lines to draw. */
  rebuild(always = false) {
    const kinds = kindsOf(this.app.session);
    const shape = JSON.stringify([this.app.view.log, this.app.lanes, kinds.map((kind) => kind.series.map((one) => one.key))]);
    if (shape === this.#shape && !always) return this.refresh();
    this.#shape = shape;
    this.colors = colors();
    for (const chart of this.charts) chart.plot?.destroy();
    this.#host.replaceChildren();
    this.charts = kinds.map((kind) => new Chart(kind, this.app, this.colors, this.#host));
    this.layout(true);
  }

  /** Gives every chart its size. */
  layout(always = false) {
    if (this.charts.length === 0) return;
    const width = this.#host.clientWidth;
    const size = `${width} ${innerHeight}`;
    if (size === this.size && !always) return;
    const narrow = width < 600;
    this.axis = narrow ? 38 : 48;
    document.documentElement.style.setProperty("--axis", `${this.axis}px`);
    this.charts.forEach((chart, i) => {
      const bottom = i === this.charts.length - 1;
      const height = heightOf(narrow, i) + (bottom ? 22 : 0) + chart.above;
      if (chart.plot && !always) chart.resize(width, height);
      else chart.mount(width, height, bottom, this.axis);
    });
    this.size = size;
    this.refresh();
  }

  refresh() {
    for (const chart of this.charts) chart.refresh();
    this.invalidate();
  }

  /** Makes room for what algorithms say of themselves, or takes it away. */
  #makeRoom() {
    const changed = this.charts.filter((chart) => chart.strip?.update());
    if (changed.length > 0) this.layout(true);
  }

  /** Points at a verdict, in all charts. */
  showVerdict(lane, verdict) {
    this.setCursor(verdict.at);
    this.app.emit("cursor", verdict.at);
    const [chart] = this.charts.filter((one) => one.strip);
    chart.strip.show(lane, verdict);
    chart.root.scrollIntoView({ block: "nearest" });
  }

  /** Forgets what was drawn, so that the next frame draws. */
  invalidate() {
    this.#drawn = "";
    this.#next = Infinity;
  }

  /** The first and the last time shown, and the head. */
  range() {
    const { view, player, length } = this.app;
    const { head } = player;
    if (view.zoom) return [...view.zoom, head];
    if (view.window === "all") return [0, Math.max(length, head, 1), head];
    const span = Number(view.window);
    return head < span ? [0, span, head] : [head - span, head, head];
  }

  /** The range that the charts have drawn, or are about to. */
  get drawn() {
    return this.#pass ?? this.range();
  }

  /**
   * Draws, if something is to be seen that was not before: as many charts as this frame has time for, the
   * others in the next ones. Returns whether all are drawn.
   */
  frame() {
    this.#makeRoom();
    const begun = performance.now();
    if (this.#next >= this.charts.length && !this.#begin()) return false;
    const until = Math.min(this.#next + this.#pace.room, this.charts.length);
    this.#pace.measure(begun, until - this.#next);
    while (this.#next < until) {
      this.charts[this.#next].draw(this.#pass);
      this.#next += 1;
    }
    return until === this.charts.length;
  }

  /** Draws all charts as of one moment, at once. */
  drawAll() {
    this.invalidate();
    this.#begin();
    for (const chart of this.charts) chart.draw(this.#pass);
    this.#next = this.charts.length;
  }

  /** Begins to draw all charts, if at least a pixel has changed. */
  #begin() {
    const range = this.range();
    const { shown, player, view } = this.app;
    const pixel = (range[1] - range[0]) / this.#host.clientWidth;
    if (!view.zoom && range[0] > 0) {
      // A window that moves does so by whole pixels.
      const back = range[2] % pixel;
      range[0] -= back;
      range[1] -= back;
    }
    const least = Math.max(1, pixel / shown.tick);
    const ticks = Math.floor(shown.indexAt(Math.min(range[1], range[2]) + shown.tick / 2) / least);
    const isLast = range[2] >= shown.end;
    const key = `${range[0].toFixed(3)} ${range[1].toFixed(3)} ${ticks} ${isLast && !player.playing}`;
    if (key === this.#drawn) return false;
    this.#drawn = key;
    this.#pass = range;
    this.#next = 0;
    return true;
  }

  /** Puts the cursor of all charts at a time, or takes it away. */
  setCursor(time) {
    const { plot } = this.charts[0];
    const left = time === null ? -10 : plot.valToPos(time, "x");
    for (const chart of this.charts) chart.plot.setCursor({ left, top: left < 0 ? -10 : 10 }, false);
  }

  /** Writes the values at the cursor, or at the head. */
  read(time) {
    const { shown } = this.app;
    const index = Math.min(shown.length - 1, shown.indexAt(time ?? this.app.player.head));
    for (const chart of this.charts) chart.read(index);
  }
}

/** The charts share the height of the window; the limit gets more. */
function heightOf(narrow, i) {
  if (narrow) return i === 0 ? 170 : 120;
  const room = Math.max(560, innerHeight - 300);
  const unit = (room - 5 * 30) / 5.6;
  return Math.round(Math.min(240, Math.max(92, i === 0 ? unit * 1.6 : unit)));
}
