// Numbers and durations, as people write them and as the server wants them.

const UNITS = [["d", 864e5], ["h", 36e5], ["m", 6e4], ["s", 1e3], ["ms", 1], ["us", 1e-3], ["ns", 1e-6]];
const SIZE = new Map([...UNITS, ["µs", 1e-3], ["μs", 1e-3], ["min", 6e4], ["sec", 1e3], ["day", 864e5], ["days", 864e5], ["hour", 36e5], ["hours", 36e5]]);

/** Reads "1,000,000", "0.5" or "1e-6"; NaN if it is no number. A comma parts thousands, and nothing else. */
export function parseNumber(text) {
  const isNumber = /^[+-]?(\d{1,3}(,\d{3})+|\d[\d_]*)?(\.\d+)?(e[+-]?\d+)?$/i.test(text) && /^[+-]?\.?\d/.test(text);
  return isNumber ? Number(text.replaceAll(/[,_]/g, "")) : NaN;
}

/** Reads "20ms", "1m 30s" or "1.5 s" as milliseconds; null if it is not a duration. */
export function parseDuration(text) {
  const pattern = /(\d+(?:\.\d+)?)\s*([a-zµμ]+)/giy;
  const trimmed = text.trim();
  if (trimmed === "0") return 0;
  let total = 0;
  let at = 0;
  while (at < trimmed.length) {
    while (trimmed[at] === " ") at += 1;
    pattern.lastIndex = at;
    const match = pattern.exec(trimmed);
    const size = match && SIZE.get(match[2].toLowerCase());
    if (!size) return null;
    total += Number(match[1]) * size;
    at = pattern.lastIndex;
  }
  return at === 0 ? null : total;
}

/** Writes milliseconds as the server reads them: "1m 30s". */
export function formatDuration(ms) {
  let rest = Math.round(ms * 1e6);
  if (rest === 0) return "0s";
  const parts = [];
  for (const [unit, size] of UNITS) {
    const nanos = Math.round(size * 1e6);
    const count = Math.floor(rest / nanos);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * nanos;
  }
  return parts.join(" ");
}

/** Milliseconds of a duration that the server wrote. */
export const ms = (text) => parseDuration(text) ?? 0;

/** Seconds of a duration that the server wrote. */
export const seconds = (text) => ms(text) / 1000;

/** Writes seconds of simulated time as a duration, to a tenth. */
export const atTime = (secs) => formatDuration(Math.round(secs * 10) * 100);

/** A number in few digits, for charts and tables. */
export function short(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim((value / 1e6).toPrecision(3))}M`;
  if (size >= 1e4) return `${trim((value / 1e3).toPrecision(3))}k`;
  if (size >= 100 || size === 0) return String(Math.round(value));
  if (size >= 10) return trim(value.toFixed(1));
  return trim(value.toPrecision(2));
}

/** Milliseconds in few digits, with their unit. */
export function shortMs(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (value >= 1e3) return `${trim((value / 1e3).toPrecision(3))} s`;
  if (value >= 1) return `${short(value)} ms`;
  return `${trim((value * 1e3).toPrecision(3))} µs`;
}

/** Simulated time for people: "12.3 s", "3:07.5", "1:02:03". */
export function clock(secs) {
  if (secs < 60) return `${secs.toFixed(1)} s`;
  const minutes = Math.floor(secs / 60);
  const rest = (secs % 60).toFixed(secs < 3600 ? 1 : 0).padStart(secs < 3600 ? 4 : 2, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/** Rounds to `digits` significant digits. */
export const significant = (value, digits) => Number(value.toPrecision(digits));

function trim(digits) {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}
