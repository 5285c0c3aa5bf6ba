// The events lane: what happens when, below the charts and on their axis. A click adds an event there.
//
// With the keyboard it is a slider: arrows move the marker, Enter offers events, Delete removes the
// event at the marker, plus and minus zoom, 0 shows all.

import { announce, byId, h } from "./dom.js";
import { describeEvent, describeSwap, suggestions } from "./session.js";
import { atTime, clock, seconds } from "./units.js";

export class Timeline {
  #lane = byId("timeline");
  #axis = this.#lane.querySelector(".ticks");
  #marker = byId("marker");
  #menu = byId("event-menu");
  #time = null;
  #drawn = "";

  constructor(app, charts) {
    this.app = app;
    this.charts = charts;
    this.#lane.addEventListener("click", (event) => this.#clicked(event));
    this.#lane.addEventListener("mousemove", (event) => this.#point(this.#timeAt(event)));
    this.#lane.addEventListener("mouseleave", () => this.#point(this.#time));
    this.#lane.addEventListener("keydown", (event) => this.#key(event));
    this.#menu.addEventListener("keydown", (event) => this.#menuKey(event));
    document.addEventListener("pointerdown", (event) => {
      if (!this.#menu.hidden && !this.#menu.contains(event.target)) this.#close(false);
    });
    app.on("session", () => {
      this.#drawn = "";
    });
  }

  /** Puts the ticks where the charts have those times. */
  frame(range) {
    const width = this.#axis.clientWidth;
    const key = `${range[0].toFixed(2)} ${range[1].toFixed(2)} ${width}`;
    if (key !== this.#drawn) {
      this.#drawn = key;
      this.#drawTicks(range);
    }
    const at = this.#time ?? this.app.cursor;
    this.#marker.hidden = at === null || at < range[0] || at > range[1];
    if (!this.#marker.hidden) this.#marker.style.setProperty("--share", String(this.#share(at, range)));
  }

  /** Shows the values at a time in all charts. */
  #point(time) {
    this.charts.setCursor(time);
    this.app.emit("cursor", time);
  }

  #share(time, range) {
    return (time - range[0]) / (range[1] - range[0]);
  }

  #drawTicks(range) {
    const { session, titles } = this.app;
    const events = session.run.events.map((one, i) => ({ at: seconds(one.at), text: describeEvent(one), kind: "event", i }));
    const swaps = session.swaps.map((one, i) => ({ at: seconds(one.at), text: describeSwap(one, titles), kind: `swap lane${one.lane}`, i }));
    const visible = [...events, ...swaps].filter(({ at }) => at >= range[0] && at <= range[1]);
    let right = [-1, -1];
    const width = this.#axis.clientWidth;
    const ticks = visible.sort((a, b) => a.at - b.at).slice(0, 300).map((one) => {
      const share = this.#share(one.at, range);
      const left = share * width;
      // A note is written where it does not cover the one before.
      const row = left > right[0] ? 0 : left > right[1] ? 1 : -1;
      if (row >= 0) right[row] = left + 14 + one.text.length * 6.2;
      const side = left > width - 90 ? " flip" : "";
      return h("span", { class: `tick ${one.kind} row${row}${side}`, title: `${clock(one.at)}: ${one.text}`, style: { "--at": `${share * 100}%` } },
        row >= 0 ? h("span", { class: "note" }, one.text) : null);
    });
    this.#axis.replaceChildren(...ticks);
  }

  #timeAt(event) {
    const box = this.#axis.getBoundingClientRect();
    const range = this.charts.range();
    const share = Math.max(0, Math.min(1, (event.clientX - box.left) / box.width));
    return Math.round((range[0] + share * (range[1] - range[0])) * 10) / 10;
  }

  #clicked(event) {
    if (this.#menu.contains(event.target)) return;
    this.#open(this.#timeAt(event));
  }

  #key(event) {
    const range = this.charts.range();
    const step = ((range[1] - range[0]) / 100) * (event.shiftKey ? 10 : 1);
    const time = this.#time ?? this.app.player.head;
    const to = { ArrowLeft: time - step, ArrowRight: time + step, Home: range[0], End: range[1] }[event.key];
    if (to !== undefined) this.#move(to, range);
    else if (event.key === "Enter" || event.key === " ") this.#open(this.#time ?? time);
    else if (event.key === "Delete" || event.key === "Backspace") this.#removeAt(time, (range[1] - range[0]) / 60);
    else if (event.key === "+" || event.key === "=") this.#zoom(time, 0.5);
    else if (event.key === "-") this.#zoom(time, 2);
    else if (event.key === "0") this.app.emit("zoom", null);
    else if (event.key === "Escape") this.#setTime(null);
    else return;
    event.preventDefault();
  }

  /** Shows `factor` times as much, around a time; all if that is more than there is. */
  #zoom(time, factor) {
    const [from, to] = this.charts.range();
    const end = Math.max(this.app.length, this.app.player.head, 1);
    const span = (to - from) * factor;
    if (span < 0.5) return;
    const begin = Math.max(0, Math.min(time - span / 2, end - span));
    this.app.emit("zoom", span >= end ? null : [begin, begin + span]);
    announce(span >= end ? "All is shown" : `${clock(begin)} to ${clock(begin + span)} is shown`);
  }

  #move(time, range) {
    const bounded = Math.max(Math.max(0, range[0]), Math.min(range[1], time));
    this.#setTime(Math.round(bounded * 10) / 10);
  }

  #setTime(time) {
    this.#time = time;
    this.#point(time);
    if (time === null) return;
    this.#lane.setAttribute("aria-valuenow", String(time));
    this.#lane.setAttribute("aria-valuemax", String(Math.round(this.app.length)));
    const near = this.app.session.run.events.filter((one) => Math.abs(seconds(one.at) - time) < 0.5).map(describeEvent);
    this.#lane.setAttribute("aria-valuetext", [clock(time), ...near].join(", "));
  }

  #open(time) {
    this.#setTime(time);
    const offers = suggestions(this.app.session, time);
    this.#menu.replaceChildren(
      h("p", { class: "menu-title" }, `At ${clock(time)}`),
      ...offers.map(([label, events]) => h("button", { type: "button", role: "menuitem", tabindex: "-1", on: { click: () => this.#add(events) } }, label)),
      h("button", { type: "button", role: "menuitem", tabindex: "-1", on: { click: () => this.#custom(time) } }, "Something else …"));
    const share = this.#share(time, this.charts.range());
    this.#menu.style.setProperty("--share", String(Math.min(1, Math.max(0, share))));
    this.#menu.classList.toggle("flip", share > 0.5);
    this.#menu.hidden = false;
    this.#menu.querySelector("button").focus();
  }

  #close(focus) {
    this.#menu.hidden = true;
    this.#setTime(null);
    if (focus) this.#lane.focus();
  }

  #add(events) {
    this.#close(true);
    this.app.add(events);
  }

  #custom(time) {
    this.#close(false);
    this.app.emit("custom-event", atTime(time));
  }

  #menuKey(event) {
    event.stopPropagation();
    const items = [...this.#menu.querySelectorAll("button")];
    const at = items.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) items[(to + items.length) % items.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") this.#close(true);
    else return;
    event.preventDefault();
  }

  #removeAt(time, reach) {
    const { run } = this.app.session;
    const distance = (event) => Math.abs(seconds(event.at) - time);
    const nearest = run.events.reduce((best, one) => (best === null || distance(one) < distance(best) ? one : best), null);
    if (!nearest || distance(nearest) > reach) return;
    const index = run.events.indexOf(nearest);
    this.app.edit((session) => session.run.events.splice(index, 1));
  }
}
