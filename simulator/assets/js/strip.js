// The strip above the lines of the limit: a row for each lane whose algorithm experiments, in it a line for
// each phase, the thickest for an experiment, and a mark for each verdict.

import { h, setHidden, setText } from "./dom.js";
import { GLYPHS, countVerdicts, describeVerdict, mostly } from "./marks.js";
import { clock } from "./units.js";

const ROW = 11;
const BELOW = 3;
const GLYPH = 9;
/** Marks that would be nearer to each other are one. */
const APART = 16;
const EDGE = 6;
/** A mark stands beside the time of its verdict, so that it does not hide the experiment before. */
const BESIDE = GLYPH / 2 + 1.5;
/** How thick the line of a phase is, and how short it may be. */
const PHASES = [["steady", 1.5, 1], ["start-up", 4, 1], ["experiment", 7, 2]];

export class Strip {
  rows = [];
  #range = [0, 1, 0];

  constructor(app, host) {
    this.app = app;
    this.host = host;
    // The list of verdicts says the same to those who cannot point.
    this.tip = h("p", { class: "tip", hidden: true, "aria-hidden": "true" });
    host.append(this.tip);
    this.rows = this.#rowsNow();
    this.toggle = h("button", { type: "button", class: "toggle", hidden: true, "data-key": "experiments", on: { click: () => app.emit("toggle", "experiments") } }, "experiments");
    const plot = host.querySelector(".plot");
    plot.addEventListener("pointermove", (event) => this.#point(event));
    plot.addEventListener("pointerdown", (event) => this.#point(event));
    plot.addEventListener("pointerleave", (event) => {
      // A finger that is lifted leaves, too; what it touched stays.
      if (event.pointerType === "mouse") this.hide();
    });
  }

  /** Offers its toggle where there is something to show. */
  refresh() {
    setHidden(this.toggle, !this.app.shown.marks.some((marks) => marks.experiments));
  }

  /** How high it is, in pixels. */
  get height() {
    return this.rows.length === 0 ? 0 : this.rows.length * ROW + BELOW;
  }

  /** Looks which lanes have a row; returns whether the height is another. */
  update() {
    const before = this.height;
    this.rows = this.#rowsNow();
    return this.height !== before;
  }

  #rowsNow() {
    const { shown, session, view } = this.app;
    if (!session || view.hidden.has("experiments")) return [];
    // A run that begins again has said nothing yet: no reason to jump.
    if (shown.length === 0) return this.rows.filter((lane) => lane < session.lanes.length);
    const lanes = shown.marks.map((marks, lane) => (marks.experiments ? lane : -1));
    return lanes.filter((lane) => lane >= 0 && !view.hidden.has(`lane${lane}`));
  }

  /** Draws it above the lines of a uPlot, up to the head. */
  draw(u, range, colors) {
    // What the tip points at is elsewhere now.
    if (u !== this.plot || range[0] !== this.#range[0] || range[1] !== this.#range[1]) this.hide();
    this.plot = u;
    this.#range = range;
    const { ctx, bbox } = u;
    const scale = devicePixelRatio;
    const until = Math.min(range[1], range[2]);
    const x = (time) => bbox.left + ((time - range[0]) / (range[1] - range[0])) * bbox.width;
    ctx.save();
    ctx.font = colors.smallFont(scale);
    ctx.textAlign = "right";
    ctx.textBaseline = "middle";
    this.rows.forEach((lane, row) => {
      const y = middleOf(row) * scale;
      ctx.fillStyle = colors.lane(lane);
      ctx.fillText(String.fromCharCode(65 + lane), bbox.left - 6 * scale, y);
      for (const [phase, thickness, least] of PHASES) {
        ctx.fillStyle = colors.lane(lane, phase !== "experiment");
        ctx.beginPath();
        for (const [left, right] of pixels(this.#marks(lane).spans(phase, range[0], until), x, least * scale)) {
          ctx.rect(left, y - (thickness * scale) / 2, right - left, thickness * scale);
        }
        ctx.fill();
      }
      for (const group of this.#groups(lane, until)) {
        const at = x(middle(group));
        if (at >= bbox.left && at <= bbox.left + bbox.width) glyph(ctx, mostly(group), at + BESIDE * scale, y, colors, scale);
      }
    });
    ctx.restore();
  }

  /** Shows what is said of a verdict, or hides what is shown. */
  show(lane, verdict) {
    const row = this.rows.indexOf(lane);
    if (row < 0 || !this.plot) return this.hide();
    this.#tell(lane, row, this.plot.valToPos(verdict.at, "x"), `verdict: ${describeVerdict(verdict)}`);
  }

  hide() {
    setHidden(this.tip, true);
  }

  #marks(lane) {
    return this.app.shown.marks[lane];
  }

  #groups(lane, until) {
    const [from, to] = this.#range;
    const apart = ((to - from) / this.plot.over.clientWidth) * APART;
    return this.#marks(lane).groups(until, apart);
  }

  /** Says what is under the pointer. */
  #point(event) {
    if (!this.plot || this.rows.length === 0) return;
    const top = this.plot.root.getBoundingClientRect().top;
    const y = event.clientY - top;
    // A finger is not as exact as a mouse.
    const reach = event.pointerType === "mouse" ? 3 : 12;
    if (y > this.height + 6 + reach) return this.hide();
    const row = Math.max(0, Math.min(this.rows.length - 1, Math.floor((y - middleOf(0) + ROW / 2) / ROW)));
    const lane = this.rows[row];
    const left = event.clientX - this.plot.over.getBoundingClientRect().left;
    const time = this.plot.posToVal(left, "x");
    const until = Math.min(this.#range[1], this.#range[2]);
    const near = this.#groups(lane, until)
      .map((group) => ({ group, distance: Math.abs(this.plot.valToPos(middle(group), "x") + BESIDE - left) }))
      .filter(({ distance }) => distance <= GLYPH / 2 + reach)
      .sort((a, b) => a.distance - b.distance)[0];
    if (near) return this.#tell(lane, row, this.plot.valToPos(middle(near.group), "x"), describeGroup(near.group));
    const phase = time >= this.#range[0] && time <= until ? this.#marks(lane).phaseAt(time) : null;
    if (!phase?.phase) return this.hide();
    const to = phase.to !== null && phase.to <= until ? ` to ${clock(phase.to)}` : "";
    this.#tell(lane, row, left, `${phase.phase} ${to ? "" : "since "}${clock(phase.from)}${to}`);
  }

  #tell(lane, row, left, text) {
    const host = this.host.getBoundingClientRect();
    const over = this.plot.over.getBoundingClientRect();
    const x = over.left - host.left + left;
    setText(this.tip, `${String.fromCharCode(65 + lane)}: ${text}`);
    this.tip.className = `tip lane${lane}`;
    this.tip.style.setProperty("--y", `${this.plot.root.getBoundingClientRect().top - host.top + middleOf(row) + ROW}px`);
    setHidden(this.tip, false);
    // In the middle below the mark, as far as there is room.
    const width = this.tip.offsetWidth;
    const most = host.width - width - EDGE;
    this.tip.style.setProperty("--x", `${Math.max(EDGE, Math.min(most, x - width / 2))}px`);
  }
}

/** The middle of a row, from the top of the canvas. */
function middleOf(row) {
  return 2 + ROW * (row + 0.5);
}

const middle = (group) => (group[0].at + group.at(-1).at) / 2;

function describeGroup(group) {
  const last = describeVerdict(group.at(-1));
  return group.length === 1 ? `verdict: ${last}` : `${group.length} verdicts: ${countVerdicts(group)}. The last: ${last}`;
}

/** Where spans are on the canvas: each at least so wide, but for one that others in its place have drawn. */
function* pixels(spans, x, least) {
  let drawn = -Infinity;
  for (const [from, to] of spans) {
    const left = Math.round(x(from));
    const right = Math.max(left + Math.round(least), Math.round(x(to)));
    if (right <= drawn) continue;
    drawn = right;
    yield [left, right];
  }
}

/** Draws the mark of a finding, apart from what is below it. */
function glyph(ctx, finding, x, y, colors, scale) {
  const size = (GLYPH * scale) / 12;
  const shape = new Path2D(GLYPHS[finding] ?? GLYPHS.unclear);
  const color = colors.of(`--${finding in GLYPHS ? finding : "unclear"}`);
  ctx.save();
  ctx.translate(x - 6 * size, y - 6 * size);
  ctx.scale(size, size);
  ctx.lineJoin = "round";
  ctx.strokeStyle = colors.paper;
  ctx.lineWidth = 5;
  ctx.stroke(shape);
  ctx.fillStyle = finding === "unclear" ? colors.paper : color;
  ctx.fill(shape);
  if (finding === "unclear") {
    ctx.strokeStyle = color;
    ctx.lineWidth = 2;
    ctx.stroke(shape);
  }
  ctx.restore();
}
