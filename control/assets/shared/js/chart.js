// One chart: a header with toggles and values, and a uPlot below it.

import { Buffers, visible } from "./decimate.js";
import { h, setText } from "./dom.js";
import { DASHES, logRange, roundUp } from "./scales.js";
import { short } from "./units.js";

/**
 * `kind` says what it shows: `id`, `title`, `unit`, `format`, `series`; and where it has them, `canLog`, a `strip` above
 * the lines, what lies `behind` them, and a `mark` that must be in sight. A series is of each `lane`, or shared: then it has
 * a `color`, or a `tone`, which the readout shows, too. `app` has how many `lanes` there are, the `view`
 * (`hidden` keys, `log`), the store that is `shown`, and hears `emit`; it may have its own `times`: their `text`, and the `space` that they need, also at the `right`.
 */
export class Chart {
  #buffers = new Buffers();
  #lines;
  #sources = [];
  #values = [];

  constructor(kind, app, colors, host) {
    this.kind = kind;
    this.app = app;
    this.colors = colors;
    this.#lines = linesOf(kind, app.lanes);
    this.readout = h("div", { class: "readout", "aria-hidden": "true" });
    this.toggles = h("div", { class: "toggles", role: "group", "aria-label": `Lines of ${kind.title}` });
    this.canvas = h("div", { class: "plot" });
    this.root = h("section", { class: "chart", "data-chart": kind.id, "aria-label": kind.title },
      h("header", {}, h("h2", {}, kind.title, h("span", { class: "unit" }, kind.unit)), this.toggles, this.readout),
      this.canvas);
    host.append(this.root);
    this.strip = kind.strip?.(app, this.root) ?? null;
    this.#buildToggles();
    this.#buildReadout();
  }

  /** Makes the uPlot; the element must be laid out. */
  mount(width, height, bottom, axis) {
    this.plot?.destroy();
    this.isDense = false;
    this.plot = new uPlot(this.#options(width, height, bottom, axis), [[], ...this.#lines.map(() => [])], this.canvas);
    this.plot.over.addEventListener("mouseleave", () => this.app.emit("cursor", null));
  }

  resize(width, height) {
    this.plot.setSize({ width, height });
  }

  /** Whether a line is shown: neither its lane nor its kind is hidden. */
  isShown(line) {
    const { hidden } = this.app.view;
    return !hidden.has(line.series.key) && !(line.lane !== null && hidden.has(`lane${line.lane}`));
  }

  /** Draws what is visible between two times. */
  draw(range) {
    const store = this.app.shown;
    const from = Math.max(0, store.indexAt(range[0]) - 1);
    const to = Math.min(store.indexAt(Math.min(range[1], range[2]) + store.tick * 0.5), store.length);
    this.#sources = this.#lines.map((line) => (this.isShown(line) ? store.source(line.series.key, line.lane) : null));
    const pixels = Math.max(50, this.plot.bbox.width / devicePixelRatio);
    const data = visible(store.t.data, this.#sources, from, Math.max(from, to), pixels, this.#buffers);
    this.range = range;
    this.#thin(to - from > pixels);
    this.plot.setData(data);
  }

  /** Dashes along a line that fills its pixels cannot be seen, and take long to draw. */
  #thin(isDense) {
    if (isDense === this.isDense) return;
    this.isDense = isDense;
    this.#lines.forEach((line, i) => {
      const { dash, width } = this.#style(line);
      const drawn = this.plot.series[i + 1];
      drawn.dash = isDense && line.lane !== null ? [] : dash;
      drawn.width = isDense ? 1 : width;
    });
  }

  /** How much of it lies above the lines, in pixels. */
  get above() {
    return this.strip?.height ?? 0;
  }

  /** Applies which lines are hidden. */
  refresh() {
    this.strip?.refresh();
    this.#lines.forEach((line, i) => {
      const show = this.isShown(line);
      if (this.plot && this.plot.series[i + 1].show !== show) this.plot.setSeries(i + 1, { show }, false);
    });
    for (const button of this.toggles.querySelectorAll("button[data-key]")) {
      button.setAttribute("aria-pressed", String(!this.app.view.hidden.has(button.dataset.key)));
    }
    this.#buildReadout();
  }

  /** Writes the values at a tick into the header. */
  read(index) {
    const store = this.app.shown;
    for (const { line, element } of this.#values) {
      setText(element, this.kind.format(store.value(line.series.key, line.lane, index)));
    }
  }

  #buildToggles() {
    const { app, kind } = this;
    const single = kind.series.length === 1;
    if (!single) {
      for (const series of kind.series) {
        const toggle = () => app.emit("toggle", series.key);
        this.toggles.append(h("button", { type: "button", class: `toggle ${series.tone ?? ""}`, "data-key": series.key, on: { click: toggle } }, series.label));
      }
    }
    if (this.strip) this.toggles.append(this.strip.toggle);
    if (kind.canLog) {
      this.toggles.append(h("button", { type: "button", class: "toggle", "data-log": true, "aria-pressed": String(app.view.log), on: { click: () => app.emit("log") } }, "log"));
    }
  }

  /** One value per lane, of the chart's first line that is shown, and one per shared line. */
  #buildReadout() {
    const { hidden } = this.app.view;
    const main = this.kind.series.find((one) => one.lane && !hidden.has(one.key));
    const lines = this.#lines.filter((line) => this.isShown(line) && (line.lane === null || line.series === main));
    this.#values = lines.map((line) => ({ line, element: h("b", {}, "–") }));
    this.readout.replaceChildren(...this.#values.map(({ line, element }) => {
      const { label, tone } = line.series;
      const key = line.lane === null ? (tone ?? "shared") : `lane${line.lane}`;
      const name = line.lane === null ? h("span", {}, label) : null;
      return h("span", { class: `value ${key}` }, key === "shared" ? null : h("i", { class: "dot" }), name, element);
    }));
  }

  #options(width, height, bottom, axis) {
    const { kind, app, colors } = this;
    const font = colors.font;
    const log = Boolean(kind.canLog && app.view.log);
    return {
      width,
      height,
      padding: [6 + this.above, app.times?.right ?? 18, bottom ? 0 : 4, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "time", scales: ["x", null] },
        y: false,
        drag: { x: true, y: false, setScale: false },
        points: { size: 6 },
        bind: { dblclick: () => () => app.emit("zoom", null) },
      },
      scales: {
        x: { time: false, range: () => [this.range?.[0] ?? 0, this.range?.[1] ?? 1] },
        y: { distr: log ? 3 : 1, range: (_, low, high) => this.#yRange(low, high, log) },
      },
      axes: [
        { show: true, incrs: SECONDS, size: bottom ? 26 : 0, space: app.times?.space ?? 50, stroke: colors.text, font, grid: { stroke: colors.grid, width: 1 }, ticks: { show: false },
          values: (_, splits) => splits.map((value) => (bottom ? (app.times?.text ?? axisTime)(value) : "")) },
        { scale: "y", size: axis, gap: 6, stroke: colors.text, font, grid: { stroke: colors.grid, width: 1 }, ticks: { show: false }, space: 28, filter: (_, splits) => splits,
          values: (_, splits) => splits.map((value) => (value === null ? "" : log ? logLabel(value) : short(value))) },
      ],
      series: [{}, ...this.#lines.map((line) => this.#style(line))],
      hooks: {
        setCursor: [(u) => this.#moved(u)],
        setSelect: [(u) => this.#selected(u)],
        drawAxes: [(u) => {
          kind.behind?.(u, app, colors);
          if (this.range) this.strip?.draw(u, this.range, colors);
        }],
      },
    };
  }

  #style({ series, lane }) {
    const stroke = lane === null ? this.colors.of(series.color ?? `--${series.tone}`) : this.colors.lane(lane, series.faint);
    const dash = series.dash ?? (lane === null ? [] : series.dotted ? [1.5, 2.5] : DASHES[lane]);
    return {
      label: series.key,
      show: this.isShown({ series, lane }),
      stroke,
      width: series.weight,
      dash: series.faint ? [] : dash,
      points: { show: false },
      spanGaps: false,
    };
  }

  /**
   * From 0 to a round number; lines that may run away count only up to three times the others, and guests only
   * if they are alone.
   */
  #yRange(low, high, log) {
    let [least, most, clipped, guests] = [Infinity, -Infinity, -Infinity, -Infinity];
    this.#lines.forEach((line, i) => {
      const source = this.plot?.data?.[i + 1];
      if (!this.#sources[i] || !source) return;
      for (const value of source) {
        if (value === null || value === undefined) continue;
        if (line.series.guest) guests = Math.max(guests, value);
        else if (line.series.clip) clipped = Math.max(clipped, value);
        else {
          least = Math.min(least, value);
          most = Math.max(most, value);
        }
      }
    });
    const mark = this.kind.mark?.(this.app) ?? NaN;
    if (log) return logRange(Math.min(least, Number.isNaN(mark) ? least : mark), Math.max(most, Number.isNaN(mark) ? most : mark));
    const own = Math.max(most, Number.isNaN(mark) ? -Infinity : mark);
    const top = Number.isFinite(own) && own > 0 ? Math.max(own, Math.min(clipped, own * 3)) : clipped;
    return [0, roundUp(Math.max(Number.isFinite(top) ? top : guests, 1) * 1.08)];
  }

  #moved(u) {
    // Of the charts that share the cursor, the one under the pointer speaks.
    if (!u.over.matches(":hover")) return;
    const { left } = u.cursor;
    this.app.emit("cursor", left === null || left < 0 ? null : u.posToVal(left, "x"));
  }

  #selected(u) {
    const { left, width } = u.select;
    if (width < 4) return;
    this.app.emit("zoom", [u.posToVal(left, "x"), u.posToVal(left + width, "x")]);
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  }
}

/** What may lie between two labels of the time axis. */
const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800];

/** The lines of a chart: the faint and the shared ones first, so that the others lie above them. */
function linesOf(kind, lanes) {
  const each = (series) => Array.from({ length: lanes }, (_, lane) => ({ series, lane }));
  const lines = kind.series.flatMap((series) => (series.lane ? each(series) : [{ series, lane: null }]));
  const rank = ({ series, lane }) => (lane === null ? 0 : series.faint ? 1 : 2);
  return lines.sort((a, b) => rank(a) - rank(b));
}

function axisTime(value) {
  if (value < 120) return `${+value.toFixed(2)}s`;
  const minutes = Math.floor(value / 60);
  if (value >= 7200) return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, "0")}`;
  return `${minutes}:${String(Math.round(value % 60)).padStart(2, "0")}`;
}

function logLabel(value) {
  const digit = Math.round(value / 10 ** Math.floor(Math.log10(value) + 1e-9));
  return digit === 1 || digit === 2 || digit === 5 ? short(value) : "";
}
