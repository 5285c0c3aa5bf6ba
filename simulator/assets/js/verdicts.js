// The verdicts that the strip shows as marks, as a list.

import { byId, h, setHidden, setText } from "./dom.js";
import { GLYPHS, countVerdicts, describeVerdict } from "./marks.js";

const SHOWN = 100;

export class Verdicts {
  #panel = byId("verdicts");
  #list = byId("verdict-list");
  #last = null;
  #range = null;

  constructor(app) {
    this.app = app;
    // While the time stands still, nothing else fills a list that is opened.
    this.#panel.addEventListener("toggle", () => this.#range && this.show(this.#range));
  }

  /** Lists the verdicts in the time that is shown, the newest first; called a few times a second. */
  show(range) {
    const { shown, session, view } = this.app;
    this.#range = range;
    const until = Math.min(range[1], range[2]);
    const all = session.lanes.flatMap((_, lane) => {
      const marks = view.hidden.has(`lane${lane}`) ? null : shown.marks[lane];
      return (marks?.between(range[0], until) ?? []).map((verdict) => ({ lane, verdict }));
    }).sort((a, b) => b.verdict.at - a.verdict.at || a.lane - b.lane);
    const experiments = shown.marks.some((marks) => marks.experiments);
    // A run that begins again has said nothing yet: no reason to jump.
    if (shown.length > 0) setHidden(this.#panel, !experiments);
    const counts = countVerdicts(all.map(({ verdict }) => verdict)) || "none yet";
    setText(byId("verdict-count"), all.length > SHOWN ? `${counts}; the last ${SHOWN} are here` : counts);
    // Nothing may move under the focus.
    if (!this.#panel.open || this.#list.contains(document.activeElement)) return;
    const rows = all.slice(0, SHOWN);
    if (this.#last?.length === rows.length && rows.every((one, i) => one.verdict === this.#last[i].verdict)) return;
    this.#last = rows;
    this.#list.replaceChildren(...rows.map((one) => this.#row(one)));
  }

  #row({ lane, verdict }) {
    const letter = h("span", { class: "letter" }, String.fromCharCode(65 + lane));
    const show = () => this.app.emit("verdict", { lane, verdict });
    return h("li", { class: `lane${lane}` },
      h("button", { type: "button", on: { click: show } }, letter, mark(verdict.finding), h("span", {}, describeVerdict(verdict))));
  }
}

/** The mark of a finding, as the strip has it. */
function mark(finding) {
  const known = finding in GLYPHS ? finding : "unclear";
  return h("svg", { class: `glyph ${known}`, viewBox: "0 0 12 12", width: 11, height: 11, "aria-hidden": "true" }, h("path", { d: GLYPHS[known] }));
}
