// The controls of the chosen limiter. What is changed here is pending until it is applied.

import { AlgorithmEditor } from "./algorithm.js";
import { byId, h, setHidden } from "./dom.js";
import { field, textOf } from "./field.js";
import { changesOf, diff, merge } from "./patch.js";
import { same } from "./same.js";

const FLAGS = [
  { name: "observe_only", label: "observe only", kind: "flag", doc: "Lets everybody in, and counts who would have been turned away." },
  { name: "paused", label: "pause learning", kind: "flag", doc: "The limit stays where it is; requests go on." },
];
const BOUNDS = [
  { name: "min", kind: "integer", min: 1, max: 2 ** 30, doc: "The limit never falls below it." },
  { name: "max", kind: "integer", min: 1, max: 2 ** 30, doc: "The limit never rises above it." },
];

export class Form {
  #host = byId("form");
  #limiter = null;
  /** What the user wants: a merge patch of the configuration. */
  #patch = {};
  #fields = new Map();
  #shape = "";

  /** `described` is what can be set; `apply` gets a patch. */
  constructor(described, apply) {
    this.described = described;
    this.#host.disabled = !described.writable;
    byId("apply").addEventListener("click", () => apply(this.#patch));
    byId("discard").addEventListener("click", () => this.#want({}));
  }

  /** Shows a limiter, `{name, snapshot, config}`; what is pending for it stays. */
  show(limiter) {
    const shape = JSON.stringify([limiter.name, limiter.config.algorithm === undefined]);
    if (limiter.name !== this.#limiter?.name) this.#patch = {};
    this.#limiter = limiter;
    if (shape !== this.#shape) this.#build();
    this.#shape = shape;
    // What somebody else has done meanwhile is no longer pending.
    this.#want(diff(limiter.config, this.#draft));
  }

  /** Shows nothing. */
  clear() {
    this.#limiter = null;
    this.#shape = "";
    this.#host.replaceChildren();
    setHidden(byId("pending"), true);
  }

  /** All that was pending is done. */
  applied() {
    this.#patch = {};
    for (const control of this.#fields.values()) control.fail(null);
    this.editor.clear();
  }

  /** Shows what is wrong at its field; false if there is none for it. */
  fail({ option, error }) {
    const { bounds } = this.#draft;
    const { algorithm, queue } = this.#patch;
    // The algorithm has bounds, too, of the same name.
    const areWrong = bounds && !(bounds.min >= 1 && bounds.min <= bounds.max);
    const ofBounds = { min_limit: "bounds.min", max_limit: "bounds.max", min: "bounds.min", max: "bounds.max" }[option];
    if (ofBounds && areWrong) return this.#failAt(ofBounds, error);
    if (queue && this.#failAt(`queue.${option}`, error)) return true;
    return Boolean(algorithm && this.editor.fail(option, error)) || this.#failAt(option, error);
  }

  #failAt(key, error) {
    const control = this.#fields.get(key);
    control?.root.closest("details")?.setAttribute("open", "");
    control?.fail(error);
    return control !== undefined;
  }

  get #draft() {
    return merge(this.#limiter.config, this.#patch);
  }

  /** The bounds that hold, or will. */
  get #bounds() {
    const draft = this.#draft;
    if (draft.bounds) return draft.bounds;
    const { min_limit: min, max_limit: max } = draft.algorithm ?? {};
    return min === undefined || max === undefined ? this.#limiter.snapshot.bounds : { min, max };
  }

  #edit(change) {
    const draft = structuredClone(this.#draft);
    change(draft);
    this.#want(diff(this.#limiter.config, draft));
  }

  #want(patch) {
    this.#patch = patch;
    const draft = this.#draft;
    for (const { name } of BOUNDS) this.#fields.get(`bounds.${name}`).show(this.#bounds[name]);
    for (const { name } of this.described.queue) this.#fields.get(`queue.${name}`).show(draft.queue[name]);
    for (const { name } of FLAGS) this.#fields.get(name).show(draft[name]);
    this.editor.show(draft.algorithm ?? null);
    setHidden(this.own, !draft.bounds);
    const { config, snapshot } = this.#limiter;
    const changes = changesOf({ ...config, bounds: config.bounds ?? snapshot.bounds }, patch)
      .filter(({ before, after }) => !same(before ?? null, after));
    setHidden(byId("pending"), Object.keys(patch).length === 0);
    byId("changes").replaceChildren(...changes.map(describe));
  }

  #build() {
    const { described } = this;
    this.#fields.clear();
    const make = (spec, key, set) => {
      const control = field(spec, { label: spec.label }, (value) => this.#edit((draft) => set(draft, value)));
      this.#fields.set(key, control);
      return control.root;
    };
    const none = this.#limiter.config.algorithm === undefined ? "as built in code" : null;
    this.editor = new AlgorithmEditor(described, { owner: this.#limiter.name, label: "use", none }, (algorithm) => this.#choose(algorithm));
    this.own = h("button", { type: "button", class: "wide", on: { click: () => this.#edit((draft) => delete draft.bounds) } }, "Use the algorithm’s own bounds");
    this.#host.replaceChildren(
      group("Mode", ...FLAGS.map((spec) => make(spec, spec.name, (draft, value) => (draft[spec.name] = value)))),
      group("Bounds of the limit",
        ...BOUNDS.map((spec) => make(spec, `bounds.${spec.name}`, (draft, value) => (draft.bounds = { ...this.#bounds, [spec.name]: value }))),
        this.own),
      group("Algorithm", this.editor.root),
      group("Queue", ...described.queue.map((spec) => make(spec, `queue.${spec.name}`, (draft, value) => (draft.queue[spec.name] = value)))),
    );
  }

  #choose(algorithm) {
    this.#edit((draft) => {
      // A constant that is not today's limit would be a jump.
      if (algorithm?.name === "fixed" && draft.algorithm?.name !== "fixed") algorithm.limit = this.#limiter.snapshot.limit;
      if (algorithm === null) delete draft.algorithm;
      else draft.algorithm = algorithm;
    });
  }
}

function group(title, ...children) {
  return h("details", { class: "group", open: true }, h("summary", {}, title), ...children);
}

function describe({ path, before, after }) {
  const text = (value) => (value === undefined || value === null ? "default" : typeof value === "boolean" ? (value ? "on" : "off") : textOf(value));
  return h("li", {}, h("span", {}, path.join(" ").replaceAll("_", " ")), h("b", {}, `${text(before)} → ${text(after)}`));
}
