// The page's state as the fragment of its address: the whole session, and what is shown of it.
//
// `#preset=name` if the session is that preset's, `#s=...` otherwise: the session without what is at
// its default, as JSON, deflated, in the alphabet of base64url.

import { same } from "./same.js";

/** Writes the fragment. `view` is a plain object of short texts. */
export async function encode(session, presets, defaults, view) {
  const preset = presets.find((one) => same(one.session, session));
  const params = new URLSearchParams();
  if (preset) params.set("preset", preset.name);
  else params.set("s", await pack(strip(session, defaults)));
  for (const [key, value] of Object.entries(view)) if (value) params.set(key, value);
  return `#${params}`;
}

/** Reads a fragment: the session (null if it has none) and the view; throws if it is broken. */
export async function decode(hash, presets, defaults) {
  const params = new URLSearchParams(hash.replace(/^#/, ""));
  const view = Object.fromEntries([...params].filter(([key]) => key !== "s" && key !== "preset"));
  if (params.has("s")) {
    return { session: unstrip(await unpack(params.get("s")), defaults), preset: null, view };
  }
  const name = params.get("preset");
  if (!name) return { session: null, preset: null, view };
  const preset = presets.find((one) => one.name === name);
  if (!preset) throw new Error(`there is no preset "${name}"`);
  return { session: structuredClone(preset.session), preset: name, view };
}

function strip(session, defaults) {
  const start = Object.fromEntries(
    Object.entries(session.run.start).filter(([key, value]) => !same(value, defaults.start[key])),
  );
  const run = Object.fromEntries(
    Object.entries({ ...session.run, start }).filter(([key, value]) => key === "start" || !same(value, defaults[key])),
  );
  return { ...session, run };
}

function unstrip(small, defaults) {
  if (!small || typeof small !== "object" || !Array.isArray(small.lanes)) throw new Error("it is no session");
  const run = { ...structuredClone(defaults), ...small.run };
  run.start = { ...defaults.start, ...small.run?.start };
  return { seed: small.seed ?? 1, run, lanes: small.lanes, swaps: small.swaps ?? [] };
}

async function pack(value) {
  const bytes = new TextEncoder().encode(JSON.stringify(value));
  if (typeof CompressionStream === "undefined") return `j${base64(bytes)}`;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  return `d${base64(new Uint8Array(await new Response(stream).arrayBuffer()))}`;
}

async function unpack(text) {
  const bytes = fromBase64(text.slice(1));
  if (text[0] === "j") return JSON.parse(new TextDecoder().decode(bytes));
  if (text[0] !== "d") throw new Error("it is of another version of this page");
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return JSON.parse(await bounded(stream));
}

/** Reads a text that may be at most 1 MB: a short address can unpack to a very long one. */
async function bounded(stream) {
  const reader = stream.getReader();
  const chunks = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > 1e6) {
      await reader.cancel();
      throw new Error("it is too long");
    }
    chunks.push(value);
  }
  return new Blob(chunks).text();
}

function base64(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function fromBase64(text) {
  const raw = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(raw, (char) => char.charCodeAt(0));
}
