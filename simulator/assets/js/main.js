// Puts the page together.

import { Address, applyView } from "./address.js";
import { App } from "./app.js";
import { Charts } from "./charts.js";
import { byId, setText, throttle } from "./dom.js";
import { Errors, announce } from "./errors.js";
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
  await prepare(app, errors, location.hash);

  toggles(app, address);
  const charts = new Charts(app);
  const legend = new Legend(app);
  const knobs = new Knobs(app, errors);
  const lanes = new Lanes(app, errors);
  const timeline = new Timeline(app, charts);
  const transport = new Transport(app);
  const summary = new Summary(app);
  new EventList(app, errors);
  new Regimes(app);
  new Presets(app, (preset) => {
    app.start(structuredClone(preset.session), { preset: preset.name, play: true });
    address.update(true);
  });

  app.on("error", (error) => {
    if (app.session) return errors.show(error);
    // An address can hold what no page would write.
    errors.say(`The run of this address cannot be started: ${error.field} ${error.message}. This is the first preset instead.`);
    const [first] = app.presets;
    app.start(structuredClone(first.session), { preset: first.name, play: true });
  });
  app.on("session", () => address.update());
  app.on("zoom", (zoom) => {
    app.view.zoom = zoom;
    app.emit("zoomed");
    address.update();
  });
  app.on("log", () => {
    app.view.log = !app.view.log;
    charts.rebuild(true);
    address.update();
  });
  app.on("cursor", (time) => {
    app.cursor = time;
  });
  exports(app, charts, address);
  connect(app, socket, errors);

  // Knobs and lanes follow the head, as events go by; a few times a second is enough.
  const slow = throttle(250, () => {
    knobs.show();
    lanes.show();
    legend.show();
    summary.show(charts.range());
    if (!app.player.playing) address.update();
  });
  let last = performance.now();
  const frame = (now) => {
    app.player.frame(Math.min(0.25, (now - last) / 1000));
    last = now;
    if (app.session) {
      const drawn = charts.frame();
      timeline.frame(charts.range());
      transport.frame();
      charts.read(app.cursor);
      if (drawn) slow();
    }
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  window.simulator = app;
}

/** What is to be run first, before there is a connection. */
async function prepare(app, errors, hash) {
  const first = app.presets[0];
  try {
    const { session, preset, view } = await decode(hash, app.presets, app.options.run);
    const { at } = applyView(app, view);
    const start = session ?? structuredClone(first.session);
    app.first = { session: start, preset: preset ?? view.from ?? (session ? null : first.name), at, play: at === 0 };
  } catch (error) {
    errors.say(`The address could not be read: ${error.message}. This is the first preset instead.`);
    app.first = { session: structuredClone(first.session), preset: first.name, at: 0, play: true };
  }
}

/** Begins what another address says. */
async function begin(app, errors, hash) {
  await prepare(app, errors, hash);
  const { session, ...how } = app.first;
  app.start(session, how);
  app.emit("toggle", null);
}

function connect(app, socket, errors) {
  const state = byId("connection");
  socket.on("open", () => {
    state.hidden = true;
    const { session, ...how } = app.session
      ? { session: app.session, preset: app.preset, at: app.store.end, play: app.player.playing }
      : app.first;
    app.start(session, how);
  });
  socket.on("closed", ({ reason, wait }) => {
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

function exports(app, charts, address) {
  const name = () => app.preset ?? "run";
  byId("export-csv").addEventListener("click", () => save(csv(app), `${name()}.csv`));
  byId("export-png").addEventListener("click", async () => save(await png(app, charts), `${name()}.png`));
  byId("share").addEventListener("click", async () => {
    const url = await address.write(true);
    await navigator.clipboard?.writeText(url).catch(() => {});
    setText(byId("share"), "Copied");
    announce("The address of this page has been copied");
    setTimeout(() => setText(byId("share"), "Copy link"), 1500);
  });
}

main().catch((error) => {
  const box = byId("messages");
  box.textContent = `The page could not start: ${error.message}`;
});
