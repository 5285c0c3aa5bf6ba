// The charts of the chosen limiter: one time axis, one cursor, one zoom.

import { Chart } from "./chart.js";
import { colors, onThemeChange } from "./colors.js";
import { byId } from "./dom.js";
import { History } from "./history.js";
import { short, shortMs } from "./units.js";

const KINDS = [
  {
    id: "limit",
    title: "Limit",
    unit: "requests",
    format: short,
    series: [
      { key: "limit", label: "limit", tone: "lane0", weight: 2 },
      { key: "in_flight", label: "in flight", tone: "lane2", weight: 1.25 },
      { key: "waiting", label: "waiting", tone: "lane1", weight: 1.25 },
    ],
  },
  {
    id: "latency",
    title: "Latency",
    unit: "RTT, averaged",
    format: shortMs,
    canLog: true,
    series: [
      { key: "rtt", label: "RTT", tone: "lane0", weight: 2 },
      { key: "baseline", label: "baseline", tone: "lane2", dash: [5, 4], weight: 1.5 },
    ],
  },
  {
    id: "requests",
    title: "Requests",
    unit: "per second",
    format: short,
    series: [
      { key: "finished", label: "finished", tone: "lane2", weight: 1.25 },
      { key: "rejected", label: "rejected", tone: "lane1", weight: 2 },
      { key: "spared", label: "let in by observing", tone: "lane3", dash: [3, 3], weight: 1.5 },
    ],
  },
];

export class Charts {
  // What a chart asks of its page.
  lanes = 0;
  times = { text: clockTime, space: 70, right: 30 };
  view = { hidden: new Set(), log: false, zoom: null };
  shown = new History();
  #charts = [];
  #host = byId("charts");
  #window = byId("window");

  constructor() {
    onThemeChange(() => this.#rebuild());
    new ResizeObserver(() => this.#layout()).observe(this.#host);
    this.#window.addEventListener("change", () => this.emit("zoom", null));
    byId("unzoom").addEventListener("click", () => this.emit("zoom", null));
    this.#rebuild();
  }

  /** Shows another limiter. */
  show(history) {
    this.shown = history;
    this.emit("zoom", null);
  }

  /** Hears what is done with a chart. */
  emit(kind, detail) {
    const { hidden } = this.view;
    if (kind === "toggle" && !hidden.delete(detail)) hidden.add(detail);
    if (kind === "log") this.view.log = !this.view.log;
    if (kind === "zoom") {
      this.view.zoom = detail;
      byId("unzoom").hidden = detail === null;
    }
    if (kind === "cursor") return this.#read(detail);
    if (kind === "log") return this.#rebuild();
    for (const chart of this.#charts) chart.refresh();
    this.draw();
  }

  /** Draws all that there is to see. */
  draw() {
    const { shown, view } = this;
    if (shown.length === 0 || !this.#charts[0].plot) return;
    const head = shown.end;
    // At first there is less than a window to see.
    const span = Math.min(Number(this.#window.value), Math.max(10, head - shown.t.data[0]));
    const range = view.zoom ? [...view.zoom, head] : [head - span, head, head];
    for (const chart of this.#charts) chart.draw(range);
    if (this.cursor === undefined) this.#read(null);
  }

  /** Writes the values at the cursor, or the last ones. */
  #read(time) {
    this.cursor = time ?? undefined;
    const { shown } = this;
    const index = time === null ? shown.length - 1 : Math.min(shown.length - 1, shown.indexAt(time));
    for (const chart of this.#charts) chart.read(index);
  }

  #rebuild() {
    for (const chart of this.#charts) chart.plot?.destroy();
    this.#host.replaceChildren();
    const now = colors();
    const behind = (u, app) => changes(u, app.shown.marks, now);
    this.#charts = KINDS.map((kind) => new Chart({ ...kind, behind }, this, now, this.#host));
    this.#layout();
  }

  #layout() {
    const width = this.#host.clientWidth;
    if (width === 0) return;
    const narrow = width < 600;
    const room = innerHeight - this.#host.getBoundingClientRect().top - scrollY;
    this.#charts.forEach((chart, i) => {
      const bottom = i === this.#charts.length - 1;
      const height = (narrow ? (i === 0 ? 150 : 110) : heightOf(room, i)) + (bottom ? 22 : 0);
      if (chart.plot) chart.resize(width, height);
      else chart.mount(width, height, bottom, narrow ? 42 : 52);
      chart.refresh();
    });
    this.draw();
  }
}

/** What the clock showed. */
function clockTime(seconds) {
  return new Date(seconds * 1000).toLocaleTimeString([], { hour12: false });
}

/** A line where the configuration has changed. */
function changes(u, marks, now) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = now.event;
  ctx.lineWidth = devicePixelRatio;
  ctx.setLineDash([devicePixelRatio, 3 * devicePixelRatio]);
  for (const time of marks) {
    if (time < u.scales.x.min || time > u.scales.x.max) continue;
    const x = Math.round(u.valToPos(time, "x", true)) + (devicePixelRatio % 2) / 2;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  ctx.restore();
}

/** The charts share the height of the window; the limit gets more. */
function heightOf(room, i) {
  const unit = Math.max(86, (room - 3 * HEAD - 66) / 3.4);
  return Math.round(Math.min(260, i === 0 ? unit * 1.4 : unit));
}

/** Of a chart, in pixels. */
const HEAD = 30;
