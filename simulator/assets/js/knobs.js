// The knobs of traffic, plant and network, and of the run as a whole.

import { byId, h } from "./dom.js";
import { field } from "./field.js";
import { atLimits } from "./session.js";

const LOG = true;
const LOOKS = {
  rate: { label: "load", unit: "/s", slider: { min: 1, max: 20000, log: LOG } },
  clients: { label: "clients in a loop", slider: { min: 0, max: 2000 } },
  think_time: { slider: { min: 1, max: 10000, log: LOG } },
  deadline: { slider: { min: 10, max: 10000, log: LOG } },
  deadline_counts_as: { label: "deadlines count as" },
  retries: { slider: { min: 0, max: 10 } },
  backoff: { slider: { min: 1, max: 5000, log: LOG } },
  instances: { label: "client instances", slider: { min: 1, max: 16 } },
  servers: { label: "capacity", unit: "servers", slider: { min: 1, max: 512, log: LOG } },
  queue: { label: "room in the queue", slider: { min: 1, max: 10000, log: LOG } },
  service: { label: "service times" },
  service_time: { slider: { min: 0.5, max: 2000, log: LOG } },
  service_cv: { label: "spread", unit: "cv", slider: { min: 0, max: 4 } },
  slow_time: { slider: { min: 1, max: 5000, log: LOG } },
  slow_share: { label: "share of slow ones", slider: { min: 0, max: 1 } },
  contention: { unit: "k", slider: { min: 0, max: 0.2 } },
  pause_every: { slider: { min: 100, max: 60000, log: LOG } },
  pause_time: { slider: { min: 1, max: 5000, log: LOG } },
  latency: { label: "network latency", slider: { min: 0.1, max: 1000, log: LOG } },
  black_hole: { label: "black hole" },
  error_rate: { slider: { min: 0, max: 1 } },
  error_time: { slider: { min: 0.1, max: 1000, log: LOG } },
  error_counts_as: { label: "errors count as" },
};

const GROUPS = [
  ["Load", ["rate", "clients", "think_time", "deadline", "deadline_counts_as", "retries", "backoff", "instances"]],
  ["Plant", ["servers", "service_time", "service", "service_cv", "slow_time", "slow_share", "contention", "queue", "pause_every", "pause_time"]],
  ["Network and errors", ["latency", "black_hole", "error_rate", "error_time", "error_counts_as"]],
];

/** Which knobs mean nothing under the others. */
const IDLE = {
  think_time: (params) => params.clients === 0,
  deadline_counts_as: (params) => params.deadline === "none",
  backoff: (params) => params.retries === 0,
  service_cv: (params) => params.service !== "lognormal",
  slow_time: (params) => params.service !== "bimodal",
  slow_share: (params) => params.service !== "bimodal",
  pause_time: (params) => params.pause_every === "none",
  error_time: (params) => params.error_rate === 0,
  error_counts_as: (params) => params.error_rate === 0,
};

export class Knobs {
  #fields = new Map();

  constructor(app, errors) {
    this.app = app;
    const specs = new Map(app.options.params.map((spec) => [spec.name, spec]));
    const grouped = new Set(GROUPS.flatMap(([, names]) => names));
    const rest = [...specs.keys()].filter((name) => !grouped.has(name));
    const groups = rest.length > 0 ? [...GROUPS, ["More", rest]] : GROUPS;
    const host = byId("knobs");
    groups.forEach(([title, names], i) => {
      const fields = names.filter((name) => specs.has(name)).map((name) => this.#field(specs.get(name), errors).root);
      host.append(h("details", { class: "group", open: i < 2 && innerWidth > 1000 }, h("summary", {}, title), ...fields));
    });
    for (const radio of document.querySelectorAll("[name=scope]")) {
      radio.addEventListener("change", () => {
        app.scope = radio.value;
        app.emit("view");
      });
    }
    const showScope = () => {
      for (const radio of document.querySelectorAll("[name=scope]")) radio.checked = radio.value === app.scope;
      if (app.session) this.show();
    };
    app.on("view", showScope);
    showScope();
    this.#run(errors);
    app.on("session", () => this.show());
  }

  /** Shows the parameters at the head. */
  show() {
    const { params } = this.app;
    for (const [name, control] of this.#fields) {
      control.show(params[name]);
      const idle = IDLE[name]?.(params) ?? false;
      if (control.root.hidden !== idle) control.root.hidden = idle;
    }
    this.showRun?.();
  }

  #field(spec, errors) {
    const control = field(spec, LOOKS[spec.name] ?? {}, (value) => this.app.set({ [spec.name]: value }));
    this.#fields.set(spec.name, control);
    errors.register(spec.name, control);
    return control;
  }

  /** Length and SLO, which are of the whole run, so it is replayed; and what limiters do at their limit. */
  #run(errors) {
    const { app } = this;
    const edit = (change) => app.edit((session) => change(session.run));
    const duration = { kind: "duration", min: "1ms", max: "1day", doc: "" };
    const length = field({ ...duration, name: "length", doc: "When the run ends." }, { slider: { min: 5000, max: 3600000, log: true } },
      (value) => edit((run) => (run.length = value)));
    const slo = field({ ...duration, name: "slo", doc: "A response is good if it comes this soon after its request arrived." },
      { label: "SLO", slider: { min: 1, max: 10000, log: true } }, (value) => edit((run) => (run.slo = value)));
    const limits = ["at_limit", "at_plant_limit"].map((key) => this.#atLimit(key));
    byId("run").append(length.root, slo.root, ...limits.flatMap((one) => one.roots));
    errors.register("length", length);
    errors.register("slo", slo);
    for (const one of limits) errors.register(one.room.spec.name, one.room);
    this.showRun = () => {
      const { run } = app.session;
      length.show(run.length);
      slo.show(run.slo);
      const now = atLimits(app.session, app.scope === "start" ? 0 : app.player.head);
      for (const one of limits) one.show(now);
    };
  }

  #atLimit(key) {
    const who = key === "at_limit" ? "client" : "plant";
    const does = field({ kind: "choice", name: key, choices: ["reject", "wait"], doc: `What a request does that finds the ${who}’s limit reached.` },
      { label: `at the ${who}’s limit` },
      (value) => this.app.setAtLimit(key, value === "wait" ? { does: "wait", room: "none" } : { does: "reject" }));
    const room = field({ kind: "integer", name: `${key}_room`, min: 0, max: 4294967295, optional: true, doc: "How many wait for a permit at most." },
      { label: "room to wait" }, (value) => this.app.setAtLimit(key, { does: "wait", room: value }));
    return {
      roots: [does.root, room.root],
      room,
      show: (now) => {
        does.show(now[key].does);
        room.show(now[key].room ?? "none");
        room.root.hidden = now[key].does !== "wait";
      },
    };
  }
}
