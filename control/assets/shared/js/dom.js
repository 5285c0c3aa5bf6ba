// Builds elements without a framework, and without inline styles, which the page's policy forbids.

/**
 * Creates an element. `props` are attributes; `on` has listeners, `style` custom properties.
 * False and null leave an attribute out, true writes it empty.
 */
export function h(tag, props, ...children) {
  const element = tag === "svg" || tag === "line" || tag === "path"
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "style") {
      for (const [key, one] of Object.entries(value)) element.style.setProperty(key, one);
    } else if (name === "value" || name === "checked") {
      element[name] = value;
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const byId = (id) => document.getElementById(id);

let last = 0;

/** Returns an id that no other element has. */
export const uniqueId = (stem) => `${stem}-${++last}`;

/** Calls `work` at most once per `ms`, and once more with the last arguments. */
export function throttle(ms, work) {
  let timer = null;
  let queued = null;
  const run = () => {
    timer = null;
    if (!queued) return;
    const args = queued;
    queued = null;
    timer = setTimeout(run, ms);
    work(...args);
  };
  return (...args) => {
    queued = args;
    if (timer === null) run();
  };
}

/** Replaces the text of an element only if it changed: writing costs a layout. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** After row `index` was removed, focuses the button of the next one, else of the last, else `otherwise`. */
export function focusNext(list, index, otherwise) {
  if (index === null) return;
  const buttons = [...list.children].map((row) => row.querySelector("button"));
  (buttons[index] ?? buttons.at(-1) ?? otherwise).focus();
}

/** Shows or hides an element. */
export function setHidden(element, hidden) {
  if (element.hidden !== hidden) element.hidden = hidden;
}

/** Says something to screen readers only. */
export function announce(text) {
  setText(byId("live"), text);
}
