// The editor of one limiter: which algorithm, in windows or not, and all its options.

import { h } from "./dom.js";
import { field } from "./field.js";
import { same } from "./same.js";

export class AlgorithmEditor {
  #fields = new Map();
  #shape = null;
  #value = undefined;

  /**
   * `described` are the algorithms and the window, as the server describes them; `owner` and `label` name the
   * limiter, and `none` is what there is without an algorithm, if that can be chosen. `commit` hears every new
   * configuration, null for none.
   */
  constructor(described, { owner, label, none }, commit) {
    this.described = described;
    this.owner = `${owner}, ${label}`;
    this.commit = commit;
    const { algorithms } = described;
    this.select = h("select", { "aria-label": `${this.owner}: algorithm`, on: { change: () => this.#choose() } },
      ...algorithms.map((one) => h("option", { value: one.name }, one.title)),
      none ? h("option", { value: "" }, none) : null);
    this.windowed = h("input", { type: "checkbox", "aria-label": `${this.owner}: one sample per window`, on: { change: () => this.#window() } });
    this.options = h("div", { class: "options" });
    this.summary = h("summary", {}, "options");
    this.details = h("details", { class: "algorithm-options" }, this.summary, this.options);
    this.root = h("div", { class: "algorithm", role: "group", "aria-label": this.owner },
      h("div", { class: "algorithm-head" }, h("span", { class: "side" }, label), this.select,
        h("label", { class: "windowed", title: "One sample per window of time, instead of every response" }, this.windowed, "windows")),
      this.details);
  }

  /** Shows a configuration. */
  show(value) {
    if (same(value, this.#value)) return;
    this.#value = value;
    this.select.value = value?.name ?? "";
    this.windowed.checked = Boolean(value?.window);
    this.windowed.parentElement.hidden = !value || value.name === "fixed";
    this.details.hidden = !value;
    if (!value) return;
    this.#build(value);
    for (const [path, control] of this.#fields) {
      const [part, name] = path;
      control.show(part === "window" ? value.window?.[name] ?? control.spec.default : value[name] ?? control.spec.default);
    }
    const changed = this.#changes(value);
    this.summary.textContent = changed.length > 0 ? `options: ${changed.join(", ")}` : "options: defaults";
  }

  /** Forgets what was refused. */
  clear() {
    for (const control of this.#fields.values()) control.clear();
  }

  /** Shows what is wrong with an option; false if there is no such field. */
  fail(name, message) {
    for (const [[, one], control] of this.#fields) {
      if (one !== name) continue;
      this.details.open = true;
      control.fail(message);
      return true;
    }
    return false;
  }

  #entry(name) {
    return this.described.algorithms.find((one) => one.name === name);
  }

  #choose() {
    const name = this.select.value;
    if (name === "") return this.commit(null);
    const entry = this.#entry(name);
    const value = { name, ...Object.fromEntries(entry.options.map((one) => [one.name, one.default])) };
    if (this.#value?.window && name !== "fixed") value.window = this.#value.window;
    this.commit(value);
  }

  #window() {
    const { window, ...rest } = this.#value;
    const fresh = Object.fromEntries(this.described.window.map((one) => [one.name, one.default]));
    this.commit(this.windowed.checked ? { ...rest, window: window ?? fresh } : rest);
  }

  #build(value) {
    const shape = `${value.name} ${Boolean(value.window)}`;
    if (shape === this.#shape) return;
    this.#shape = shape;
    this.#fields.clear();
    const entry = this.#entry(value.name);
    const make = (part, specs) => specs.map((spec) => {
      const control = field(spec, { owner: this.owner }, (next) => this.#set(part, spec.name, next));
      this.#fields.set([part, spec.name], control);
      return control.root;
    });
    this.options.replaceChildren(
      h("p", { class: "about" }, entry.doc),
      ...make("own", entry.options),
      ...(value.window ? [h("h4", {}, "window"), ...make("window", this.described.window)] : []));
  }

  #set(part, name, next) {
    const value = structuredClone(this.#value);
    if (part === "window") value.window[name] = next;
    else value[name] = next;
    this.commit(value);
  }

  #changes(value) {
    const changed = (specs, from, prefix) => specs
      .filter((one) => from[one.name] !== undefined && !same(from[one.name], one.default))
      .map((one) => `${prefix}${one.name} ${typeof from[one.name] === "object" ? "percentile" : from[one.name]}`);
    const own = changed(this.#entry(value.name).options, value, "");
    return value.window ? [...own, ...changed(this.described.window, value.window, "")] : own;
  }
}
