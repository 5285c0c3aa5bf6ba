// Puts the page together: asks for all limiters every second, and listens to the chosen one.

import { Refused, Stream, get, patch, pathOf } from "./api.js";
import { Charts } from "./charts.js";
import { announce, byId, h, setHidden, setText } from "./dom.js";
import { Form } from "./form.js";
import { History } from "./history.js";
import { List } from "./list.js";
import { stateOf } from "./state.js";
import { short, shortMs } from "./units.js";

const TOKEN = "tower-adaptive-control token";
/** What the clock says, without its jumps. */
const seconds = () => (performance.timeOrigin + performance.now()) / 1000;

class Page {
  histories = new Map();
  chosen = null;
  applied = 0;
  #stream = null;
  #latest = null;
  #seen = null;
  #level = "";
  #silent = null;

  constructor(described) {
    this.described = described;
    this.list = new List((name) => this.choose(name));
    this.charts = new Charts();
    this.form = new Form(described, (change) => this.#apply(change));
    this.#access();
    byId("window").addEventListener("change", () => this.charts.draw());
    addEventListener("hashchange", () => this.#fromHash());
  }

  start() {
    const poll = async () => {
      if (!document.hidden) await this.#poll();
      setTimeout(poll, POLL);
    };
    poll();
    setInterval(() => this.#sample(), 250);
  }

  /** Shows a limiter, and its controls. */
  choose(name) {
    if (name === this.chosen) return;
    this.chosen = name;
    this.#latest = null;
    this.#seen = null;
    this.#level = "";
    this.#stream?.close();
    this.#stream = new Stream(name, (snapshot) => (this.#latest = snapshot));
    history.replaceState(null, "", `#${encodeURIComponent(name)}`);
    setHidden(byId("shown"), false);
    setText(byId("name"), name);
    this.charts.show(this.histories.get(name));
    this.#show();
    // The next poll says what is wrong.
    this.#fetch().catch(() => {});
  }

  async #poll() {
    try {
      const all = await get("limiters");
      const time = seconds();
      const names = new Set(all.map(({ name }) => name));
      const histories = all.map(({ name }) => [name, this.histories.get(name) ?? new History()]);
      this.histories = new Map(histories);
      for (const { name, snapshot } of all) {
        // The chosen one is heard more often.
        if (name !== this.chosen || this.#latest === null) this.histories.get(name).add(time, snapshot);
      }
      this.#silent = null;
      setHidden(byId("connection"), true);
      if (this.chosen !== null && !names.has(this.chosen)) this.#gone();
      if (this.chosen === null && all.length > 0) this.#fromHash();
      this.#show();
      await this.#fetch();
    } catch (error) {
      this.#silent ??= new Date();
      const since = this.#silent.toLocaleTimeString([], { hour12: false });
      setText(byId("connection"), `No answer since ${since} (${error.message}). Trying again.`);
      setHidden(byId("connection"), false);
    }
  }

  #fromHash() {
    let wanted = null;
    try {
      wanted = decodeURIComponent(location.hash.slice(1));
    } catch {
      // It was written by hand.
    }
    const [first] = this.histories.keys();
    const name = this.histories.has(wanted) ? wanted : (this.chosen ?? first);
    if (name !== undefined) this.choose(name);
  }

  #gone() {
    const name = this.chosen;
    this.chosen = null;
    this.#stream.close();
    setHidden(byId("shown"), true);
    this.form.clear();
    this.#say(`The limiter “${name}” is gone.`);
  }

  /** Asks for the configuration of the chosen limiter. */
  async #fetch() {
    const name = this.chosen;
    if (name === null) return;
    const asked = this.applied;
    try {
      const limiter = await get(pathOf(name));
      // An answer from before a change would show what was.
      if (name === this.chosen && asked === this.applied) this.#hear(limiter);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 404)) throw error;
    }
  }

  #hear(limiter) {
    const seen = JSON.stringify(limiter.config);
    if (this.#seen !== null && this.#seen !== seen) this.histories.get(limiter.name)?.marks.push(seconds());
    this.#seen = seen;
    this.form.show(limiter);
  }

  #sample() {
    const history = this.histories.get(this.chosen);
    if (!history || this.#latest === null || document.hidden) return;
    history.add(seconds(), this.#latest);
    this.#show();
  }

  #show() {
    this.list.show(this.histories, this.chosen);
    const history = this.histories.get(this.chosen);
    if (!history?.now) return;
    const state = stateOf(history);
    setText(byId("state"), state.text);
    byId("state").dataset.level = state.level;
    setText(byId("algorithm"), describe(history.now));
    if (this.#level && this.#level !== state.level) announce(`${this.chosen}: ${state.text}`);
    this.#level = state.level;
    if (this.charts.shown !== history) this.charts.show(history);
    this.charts.draw();
  }

  async #apply(change) {
    const token = byId("token").value;
    if (!token) return this.#failToken("a change needs the write token");
    const name = this.chosen;
    byId("apply").disabled = true;
    try {
      const limiter = await patch(name, change, token);
      this.applied += 1;
      this.#failToken(null);
      byId("messages").replaceChildren();
      this.form.applied();
      if (name === this.chosen) this.#hear(limiter);
      announce("The change is applied");
    } catch (error) {
      if (error instanceof Refused && error.status === 401) this.#failToken(error.message);
      else if (!(error instanceof Refused && error.problem.option && this.form.fail(error.problem))) this.#say(error.message);
    } finally {
      byId("apply").disabled = false;
    }
  }

  #access() {
    const token = byId("token");
    token.value = sessionStorage.getItem(TOKEN) ?? "";
    token.addEventListener("input", () => {
      sessionStorage.setItem(TOKEN, token.value);
      this.#failToken(null);
    });
    byId("access").addEventListener("submit", (event) => event.preventDefault());
    setHidden(byId("token-field"), !this.described.writable);
    setHidden(byId("read-only"), this.described.writable);
  }

  #failToken(message) {
    const error = byId("token-error");
    setText(error, message ?? "");
    setHidden(error, !message);
    byId("token").toggleAttribute("aria-invalid", Boolean(message));
    if (message) byId("token").focus();
  }

  #say(message) {
    const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss", on: { click: () => byId("messages").replaceChildren() } }, "×");
    byId("messages").replaceChildren(h("p", {}, message), close);
  }
}

/** What the algorithm believes, in a line. */
function describe({ report, bounds }) {
  const parts = [`${report.algorithm ?? "an algorithm of the service’s own"}, within ${short(bounds.min)} to ${short(bounds.max)}`];
  if (report.phase) parts.push(report.phase);
  const { verdict } = report;
  if (verdict) parts.push(`last experiment: ${verdict.finding} (limit ${verdict.limits.map(short).join(" → ")}, RTT ${verdict.rtts_seconds.map((rtt) => shortMs(rtt * 1000)).join(" → ")})`);
  return parts.join(" · ");
}

const POLL = 1000;

get("options").then((described) => {
  window.control = new Page(described);
  window.control.start();
}).catch((error) => {
  setText(byId("connection"), `This page cannot start: ${error.message}`);
  setHidden(byId("connection"), false);
});
