// What lies behind the lines of a chart: when something happens, and the SLO.

import { seconds } from "./units.js";

/** Draws a line per event, and the SLO if `hasSlo`, between the axes and the lines of a uPlot. */
export function backdrop(u, session, hasSlo, colors) {
  u.ctx.save();
  u.ctx.lineWidth = devicePixelRatio;
  events(u, session, colors);
  if (hasSlo) slo(u, session, colors);
  u.ctx.restore();
}

function events(u, session, colors) {
  const { ctx, bbox } = u;
  const { min, max } = u.scales.x;
  ctx.strokeStyle = colors.event;
  // Dots that are dark enough to be seen, and few enough to stay behind the lines.
  ctx.setLineDash([devicePixelRatio, 3 * devicePixelRatio]);
  for (const one of [...session.run.events, ...session.swaps]) {
    const at = seconds(one.at);
    if (at < min || at > max) continue;
    const x = Math.round(u.valToPos(at, "x", true)) + (devicePixelRatio % 2) / 2;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
}

function slo(u, session, colors) {
  const { ctx, bbox } = u;
  const y = Math.round(u.valToPos(seconds(session.run.slo) * 1000, "y", true));
  ctx.strokeStyle = colors.slo;
  ctx.fillStyle = colors.slo;
  ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.font = colors.smallFont(devicePixelRatio);
  ctx.textAlign = "right";
  ctx.textBaseline = "bottom";
  ctx.fillText("SLO", bbox.left + bbox.width - 4, y - 2);
}
