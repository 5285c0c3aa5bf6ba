// One knob: a label, a slider where that makes sense, a text field, what it does, and what is wrong.

import { announce, h, setText, throttle, uniqueId } from "./dom.js";
import { formatDuration, parseDuration, parseNumber, significant } from "./units.js";

/**
 * Builds the control of one option. `spec` is the server's description of it; `look` has `label`, `unit` and
 * `slider: {min, max, log}` (milliseconds for durations); `commit` hears every valid new value.
 */
export function field(spec, look, commit) {
  const id = uniqueId(spec.name.replaceAll("_", "-"));
  const label = look.label ?? spec.name.replaceAll("_", " ");
  const hint = h("p", { class: "hint", id: `${id}-hint` }, spec.doc);
  const error = h("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const common = { id, "aria-describedby": `${id}-hint ${id}-error`, "aria-label": look.owner ? `${look.owner}: ${label}` : null, "data-field": spec.name };
  const offers = spec.kind === "aggregate" ? h("datalist", { id: `${id}-offers` }, AGGREGATES.map((one) => h("option", { value: one }))) : null;
  const input = inputOf(spec, { ...common, list: offers?.id });
  const slider = look.slider ? sliderOf(look.slider, `${label}, slider`) : null;
  const root = h("div", { class: `field kind-${spec.kind}`, title: spec.doc },
    h("label", { for: id }, label, look.unit ? h("span", { class: "unit" }, look.unit) : null),
    slider, input, offers, hint, error);

  let shown;
  const control = {
    root,
    spec,
    /** Shows a value; what the user is editing stays. */
    show(value) {
      if (document.activeElement === slider) return;
      if (document.activeElement === input && input.type === "text") {
        // What was typed is shown already: it is no other value when the focus has gone.
        if (textOf(value) === textOf(read(input, spec).value)) shown = value;
        return;
      }
      // A refused text stays to be corrected, until something else holds; a switch shows what holds.
      const isOther = textOf(value) !== textOf(shown);
      shown = value;
      if (isOther) control.fail(null);
      else if (input.type === "text" && root.classList.contains("invalid")) return;
      write(input, spec, value);
      if (slider) moveSlider(slider, look.slider, spec, value);
    },
    /** Forgets what was refused, unless it is being corrected. */
    clear() {
      if (document.activeElement !== input) control.fail(null);
    },
    fail(message) {
      if (message && message !== error.textContent) announce(`${label}: ${message}`);
      setText(error, message ?? "");
      error.hidden = !message;
      root.classList.toggle("invalid", Boolean(message));
      if (message) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    },
  };

  input.addEventListener("change", () => {
    const { value, problem } = read(input, spec);
    control.fail(problem);
    if (problem) return;
    if (slider) moveSlider(slider, look.slider, spec, value);
    commit(value);
  });
  // An invalid text is forgotten with Escape.
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      control.fail(null);
      input.blur();
    }
  });
  if (slider) {
    const send = throttle(250, (value) => commit(value));
    slider.addEventListener("input", () => {
      const value = fromSlider(slider, look.slider, spec);
      write(input, spec, value);
      control.fail(null);
      send(value);
    });
  }
  return control;
}

/** Reads and checks a text for `spec`; `problem` says what it must be. */
export function check(text, spec) {
  const raw = text.trim();
  if (spec.optional && (raw === "none" || raw === "")) return { value: "none" };
  if (spec.kind === "seed" && raw === "") return { value: null };
  if (spec.kind === "duration") return checkDuration(raw, spec);
  if (spec.kind === "aggregate") return checkAggregate(raw);
  const value = parseNumber(raw);
  const whole = spec.kind === "integer" || spec.kind === "seed";
  const kind = whole ? "a whole number" : "a number";
  if (raw === "" || !Number.isFinite(value)) return { problem: `must be ${kind} ${range(spec)}, got "${raw}"` };
  if (whole && !Number.isInteger(value)) return { problem: `must be a whole number ${range(spec)}, got ${raw}` };
  if (value < (spec.min ?? -Infinity) || value > (spec.max ?? Infinity)) {
    return { problem: `must be ${range(spec)}, got ${raw}` };
  }
  return { value };
}

function checkDuration(raw, spec) {
  const value = parseDuration(raw);
  if (value === null) return { problem: `must be a duration with its unit, as "20ms" or "1m 30s", got "${raw}"` };
  const low = parseDuration(spec.min ?? "0s");
  const high = spec.max === undefined ? Infinity : parseDuration(spec.max);
  if (value < low || value > high) return { problem: `must be ${range(spec)}, got ${raw}` };
  return { value: formatDuration(value) };
}

const AGGREGATES = ["mean", "log_mean", "p50", "p90", "p99"];

function checkAggregate(raw) {
  if (raw === "mean") return { value: "mean" };
  if (/^log[ _-]?mean$/i.test(raw)) return { value: "log_mean" };
  const percentile = /^p?(\d+(?:\.\d+)?)$/.exec(raw);
  const share = percentile ? Number(percentile[1]) / 100 : NaN;
  if (share > 0 && share <= 1) return { value: { percentile: share } };
  return { problem: `must be "mean", "log_mean" or a percentile such as "p90", got "${raw}"` };
}

/** The range in words. Ends that are next to 0 or 1 are "above 0" and "below 1". */
function range({ min, max }) {
  const open = min > 0 && min < 1e-300;
  const low = open ? "above 0" : `${max === undefined ? "at least" : "from"} ${min ?? 0}`;
  if (max === undefined || max > 1e300) return open ? low : `at least ${min ?? 0}`;
  if (max < 1 && max > 1 - 1e-9) return `${low}, below 1`;
  return open ? `${low} and at most ${max}` : `${low} to ${max}`;
}

/** Writes a value as its field has it. */
export function textOf(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return `p${significant(value.percentile * 100, 6)}`;
  return String(typeof value === "number" ? significant(value, 12) : value);
}

function inputOf(spec, common) {
  if (spec.kind === "flag") return h("input", { ...common, type: "checkbox", role: "switch" });
  if (spec.kind === "choice") {
    return h("select", common, spec.choices.map((choice) => h("option", { value: choice }, choice.replaceAll("_", " "))));
  }
  const mode = spec.kind === "number" || spec.kind === "integer" ? "decimal" : "text";
  const placeholder = spec.kind === "seed" || spec.optional ? "none" : null;
  return h("input", { ...common, type: "text", inputmode: mode, autocomplete: "off", spellcheck: "false", placeholder });
}

function read(input, spec) {
  if (spec.kind === "flag") return { value: input.checked };
  if (spec.kind === "choice") return { value: input.value };
  return check(input.value, spec);
}

function write(input, spec, value) {
  if (spec.kind === "flag") input.checked = Boolean(value);
  else input.value = textOf(value);
}

const STEPS = 1000;

function sliderOf({ min, max, log }, label) {
  return h("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": label, "data-log": log ? "true" : null, "data-range": `${min} ${max}` });
}

function moveSlider(slider, look, spec, value) {
  const number = spec.kind === "duration" ? parseDuration(String(value)) : Number(value);
  if (number === null || Number.isNaN(number)) {
    slider.value = STEPS;
    return;
  }
  const { min, max, log } = look;
  const share = log ? (Math.log(number + 1e-9) - Math.log(min)) / (Math.log(max) - Math.log(min)) : (number - min) / (max - min);
  slider.value = Math.round(Math.max(0, Math.min(1, share)) * STEPS);
  slider.setAttribute("aria-valuetext", textOf(value));
}

function fromSlider(slider, { min, max, log }, spec) {
  const share = Number(slider.value) / STEPS;
  const raw = log ? min * (max / min) ** share : min + (max - min) * share;
  let value = significant(raw, 2);
  if (spec.kind === "integer") value = Math.round(significant(raw, 3));
  // The left end of a logarithmic slider is none at all, where that is allowed.
  if (log && share === 0 && parseDuration(String(spec.min)) === 0) value = 0;
  const result = spec.kind === "duration" ? formatDuration(value) : value;
  slider.setAttribute("aria-valuetext", textOf(result));
  return result;
}
