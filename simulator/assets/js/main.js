// Puts the page together.

import { Address, applyView } from "./address.js";
import { App } from "./app.js";
import { Charts } from "./charts.js";
import { announce, byId, setText, throttle } from "./dom.js";
import { Errors } from "./errors.js";
import { EventList } from "./eventlist.js";
import { csv, png, save } from "./export.js";
import { Knobs } from "./knobs.js";
import { Lanes } from "./lanes.js";
import { Legend } from "./legend.js";
import { Presets } from "./presets.js";
import { Regimes } from "./regimes.js";
import { Socket } from "./socket.js";
import { Summary } from "./summary.js";
import { Timeline } from "./timeline.js";
import { Transport } from "./transport.js";
import { decode } from "./url.js";
import { Verdicts } from "./verdicts.js";

const get = async (path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
};

async function main() {
  const [options, presets] = await Promise.all([get("/api/options"), get("/api/scenarios")]);
  const socket = new Socket();
  const app = new App(socket, options, presets);
  const errors = new Errors();
  const address = new Address(app, (hash) => begin(app, errors, hash));
  // Before there is a run, there is nothing to control.
  const parts = document.querySelectorAll(".page-grid, .drive, .tail");
  for (const part of parts) part.inert = true;
  app.on("session", () => {
    for (const part of parts) part.inert = false;
  });
  await begin(app, errors, location.hash);

  toggles(app, address);
  const charts = new Charts(app);
  const legend = new Legend(app);
  const knobs = new Knobs(app, errors);
  const lanes = new Lanes(app, errors);
  const timeline = new Timeline(app, charts);
  const transport = new Transport(app);
  const summary = new Summary(app);
  const verdicts = new Verdicts(app);
  new EventList(app, errors);
  new Regimes(app);
  new Presets(app, (preset) => {
    app.start(structuredClone(preset.session), { preset: preset.name, play: true });
    address.update(true);
  });

  app.on("error", (error) => errors.show(error));
  // An address can hold what no page would write.
  app.on("unstartable", ({ field, message, instead }) =>
    errors.say(`This run cannot be started: ${field} ${message}. ${instead} is here instead.`));
  app.on("stopped", ({ message }) =>
    errors.say(`${message}. Until it is started again with Reset, changes apply to the start.`, { stays: true }));
  app.on("session", ({ structure }) => {
    if (structure) errors.started();
    address.update();
  });
  app.on("view", () => address.update());
  app.on("zoom", (zoom) => {
    app.view.zoom = zoom;
    app.emit("view");
  });
  app.on("log", () => {
    app.view.log = !app.view.log;
    app.emit("view");
  });
  app.on("cursor", (time) => {
    app.cursor = time;
  });
  exports(app, charts, address, errors);
  connect(app, socket);

  // Knobs and lanes follow the head, as events go by; a few times a second is enough.
  const slow = throttle(250, () => {
    knobs.show();
    lanes.show();
    legend.show();
    summary.show(charts.range());
    verdicts.show(charts.range());
    if (!app.player.playing) address.update();
  });
  let last = performance.now();
  const frame = (now) => {
    app.player.frame(Math.min(0.25, (now - last) / 1000));
    last = now;
    if (app.session) {
      const drawn = charts.frame();
      timeline.frame(charts.drawn);
      transport.frame();
      charts.read(app.cursor);
      if (drawn) slow();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.simulator = app;
}

/** Begins what an address says. */
async function begin(app, errors, hash) {
  const [first] = app.presets;
  try {
    const { session, preset, view } = await decode(hash, app.presets, app.options.run);
    const { at, play } = applyView(app, view);
    const start = session ?? structuredClone(first.session);
    app.start(start, { preset: preset ?? view.from ?? (session ? null : first.name), at, play });
  } catch (error) {
    errors.say(`The address could not be read: ${error.message}. This is the first preset instead.`);
    app.start(structuredClone(first.session), { preset: first.name, play: true });
  }
  app.emit("view");
}

function connect(app, socket) {
  const state = byId("connection");
  socket.on("open", () => app.resume());
  socket.on("started", () => {
    state.hidden = true;
  });
  socket.on("closed", ({ reason, wait }) => {
    app.lost();
    state.hidden = false;
    setText(state, `${reason || "The server is gone"}. Next attempt in ${Math.round(wait / 1000)} s.`);
  });
  socket.open();
}

function toggles(app, address) {
  app.on("toggle", (key) => {
    if (key === null) return;
    const { hidden } = app.view;
    if (!hidden.delete(key)) hidden.add(key);
    address.update();
  });
}

function exports(app, charts, address, errors) {
  const name = () => app.preset ?? "run";
  byId("export-csv").addEventListener("click", () => save(csv(app), `${name()}.csv`));
  byId("export-png").addEventListener("click", async () => save(await png(app, charts), `${name()}.png`));
  byId("share").addEventListener("click", async () => {
    const url = await address.write(true);
    // Only a page of this machine, or one over TLS, has a clipboard.
    const isCopied = await (navigator.clipboard?.writeText(url).then(() => true, () => false) ?? false);
    if (!isCopied) return errors.offer("This page may not copy. The address, to be copied by hand:", url);
    setText(byId("share"), "Copied");
    announce("The address of this page has been copied");
    setTimeout(() => setText(byId("share"), "Copy link"), 1500);
  });
}

main().catch((error) => {
  const box = byId("messages");
  box.textContent = `The page could not start: ${error.message}`;
});
