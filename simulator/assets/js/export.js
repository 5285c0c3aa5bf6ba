// What was seen, as a table and as a picture.

import { colors } from "./colors.js";
import { DASHES } from "./scales.js";
import { laneTitle } from "./session.js";
import { COLUMNS, SHARED } from "./store.js";

/** Every column of every lane, and what its algorithm says of itself, one row per tick. */
export function csv(app) {
  const { session, shown, titles } = app;
  const names = session.lanes.map((_, lane) => `${String.fromCharCode(65 + lane)} ${laneTitle(session, lane, 0, titles)}`);
  const header = ["time_s", ...SHARED, "best_fixed_limit", ...names.flatMap((name) => [...COLUMNS, ...SAID].map((column) => quoted(`${name} ${column}`)))];
  const lines = [header.join(",")];
  for (let i = 0; i < shown.length; i += 1) {
    const time = shown.t.data[i];
    const row = [+time.toFixed(3), ...SHARED.map((name) => cell(shown.value(name, null, i))), cell(shown.oracleAt(time))];
    shown.lanes.forEach((_, lane) => {
      for (const column of COLUMNS) row.push(cell(shown.value(column, lane, i)));
      row.push(...said(shown.marks[lane], i > 0 ? shown.t.data[i - 1] : 0, time));
    });
    lines.push(row.join(","));
  }
  return new Blob([`${lines.join("\n")}\n`], { type: "text/csv" });
}

/** All charts below one another, with titles and a legend. */
export async function png(app, charts) {
  const palette = colors();
  charts.drawAll();
  // uPlot paints in a microtask.
  await null;
  const scale = devicePixelRatio;
  const width = charts.charts[0].plot.ctx.canvas.width;
  const [head, title, pad] = [72 * scale, 24 * scale, 16 * scale];
  const heights = charts.charts.map((chart) => chart.plot.ctx.canvas.height);
  const canvas = document.createElement("canvas");
  canvas.width = width + 2 * pad;
  canvas.height = head + heights.reduce((sum, one) => sum + one + title, 0) + pad;
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = palette.paper;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.textBaseline = "middle";
  heading(ctx, app, palette, pad, scale);
  let y = head;
  charts.charts.forEach((chart, i) => {
    ctx.fillStyle = palette.ink;
    ctx.font = palette.bold(13 * scale);
    ctx.fillText(chart.kind.title, pad, y + title / 2);
    const offset = ctx.measureText(`${chart.kind.title}  `).width;
    ctx.fillStyle = palette.text;
    ctx.font = palette.plain(11 * scale);
    let x = pad + offset;
    const write = (text) => {
      ctx.fillText(text, x, y + title / 2);
      x += ctx.measureText(text).width;
    };
    write(`${chart.kind.unit} ·`);
    for (const { key, label, lane, color, dash } of chart.kind.series) {
      if (app.view.hidden.has(key)) continue;
      x += 10 * scale;
      if (!lane) x = swatch(ctx, x, y + title / 2, palette.of(color), dash ?? [], scale);
      write(label);
    }
    ctx.drawImage(chart.plot.ctx.canvas, pad, y + title);
    y += heights[i] + title;
  });
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function heading(ctx, app, palette, pad, scale) {
  const preset = app.presets.find((one) => one.name === app.preset);
  ctx.fillStyle = palette.ink;
  ctx.font = palette.bold(16 * scale);
  ctx.fillText(preset?.title ?? "A run of tower-adaptive’s simulator", pad, 22 * scale);
  ctx.font = palette.plain(12 * scale);
  let x = pad;
  app.session.lanes.forEach((_, lane) => {
    if (app.view.hidden.has(`lane${lane}`)) return;
    x = swatch(ctx, x, 52 * scale, palette.lane(lane), DASHES[lane], scale);
    ctx.fillStyle = palette.ink;
    const text = laneTitle(app.session, lane, 0, app.titles);
    ctx.fillText(text, x, 52 * scale);
    x += ctx.measureText(text).width + 20 * scale;
  });
}

/** Draws a piece of a line as the charts have it; returns where to go on. */
function swatch(ctx, x, y, color, dash, scale) {
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = 2 * scale;
  ctx.setLineDash(dash.map((one) => one * scale));
  ctx.beginPath();
  ctx.moveTo(x, y);
  ctx.lineTo(x + 24 * scale, y);
  ctx.stroke();
  ctx.restore();
  return x + 30 * scale;
}

/** Saves a file. */
export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

const SAID = ["phase", "verdict", "elasticity"];

/** The phase at the end of a tick, and the verdict that fell in it. */
function said(marks, begin, end) {
  const [verdict] = marks.between(begin, end);
  return [marks.phaseAt(end)?.phase ?? "", verdict?.finding ?? "", verdict?.elasticity ?? ""];
}

const cell = (value) => (Number.isNaN(value) ? "" : +value.toPrecision(7));
const quoted = (text) => `"${text.replaceAll('"', '""')}"`;
