// JSON merge patches (RFC 7396), as the server understands them.

import { same } from "./same.js";

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** The patch that makes `to` of `from`; an empty object if they are the same. */
export function diff(from, to) {
  const patch = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[key], to[key]];
    if (same(before ?? null, after ?? null)) continue;
    const isOther = key === "algorithm" && before?.name !== after?.name;
    if (after === undefined || after === null) patch[key] = null;
    else patch[key] = isObject(before) && isObject(after) && !isOther ? diff(before, after) : after;
  }
  return patch;
}

/** What a patch makes of a value. */
export function merge(value, patch) {
  if (!isObject(patch)) return patch;
  const merged = isObject(value) ? { ...value } : {};
  for (const [key, change] of Object.entries(patch)) {
    if (change === null) delete merged[key];
    else if (key === "algorithm" && change.name && change.name !== merged.algorithm?.name) merged[key] = merge(null, change);
    else merged[key] = merge(merged[key], change);
  }
  return merged;
}

/** The single changes of a patch: `{path, before, after}`. */
export function changesOf(from, patch, path = []) {
  return Object.entries(patch).flatMap(([key, change]) => {
    const here = [...path, key];
    const before = from?.[key];
    if (key === "algorithm" && change?.name) {
      const windows = change.window ? " in windows" : "";
      return [{ path: here, before: before?.name, after: `${change.name}${windows}` }];
    }
    if (isObject(change)) return changesOf(before, change, here);
    return [{ path: here, before, after: change }];
  });
}
