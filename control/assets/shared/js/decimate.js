// From columns to what uPlot draws: the visible part, and of many points the extremes.

/** Plain arrays that are used again for every frame: one per series. */
export class Buffers {
  #arrays = [];
  #kept = new WeakMap();

  /** Returns array `i` with `length` entries. */
  take(i, length) {
    const array = (this.#arrays[i] ??= []);
    array.length = length;
    return array;
  }

  /** Returns what is known of the buckets of `source`, two entries each: what was seen does not change. */
  kept(source, size) {
    let kept = this.#kept.get(source);
    if (kept?.size !== size) {
      kept = { size, pairs: [] };
      this.#kept.set(source, kept);
    }
    return kept.pairs;
  }
}

/**
 * Writes the points `from..to` of `sources` into buffers: x first. A source is a typed array, a function of
 * time, or null if the series is hidden. With more than one point per pixel, every few pixels keep
 * their smallest and their largest value.
 */
export function visible(times, sources, from, to, pixels, buffers) {
  const count = Math.max(0, to - from);
  return count <= pixels
    ? plain(times, sources, from, count, buffers)
    : extremes(times, sources, from, count, Math.ceil(pixels / 2), buffers);
}

function plain(times, sources, from, count, buffers) {
  const x = buffers.take(0, count);
  for (let i = 0; i < count; i += 1) x[i] = times[from + i];
  const columns = sources.map((source, s) => {
    if (source === null) return x;
    const out = buffers.take(s + 1, count);
    for (let i = 0; i < count; i += 1) out[i] = orNull(at(source, times, from + i));
    return out;
  });
  return [x, ...columns];
}

function extremes(times, sources, from, count, buckets, buffers) {
  // A size that rarely changes, and buckets that begin at its multiples: what they hold can be kept, and
  // a window that slides does not make the lines flicker.
  const size = 2 ** Math.ceil(Math.log2(count / buckets));
  const first = Math.floor(from / size);
  const to = from + count;
  const used = Math.ceil(to / size) - first;
  const x = buffers.take(0, used * 2);
  for (let b = 0; b < used; b += 1) {
    const left = (first + b) * size;
    x[2 * b] = times[left];
    x[2 * b + 1] = times[(left + Math.min(to, left + size)) >> 1];
  }
  const columns = sources.map((source, s) => {
    if (source === null) return x;
    const out = buffers.take(s + 1, used * 2);
    const kept = typeof source === "function" ? null : buffers.kept(source, size);
    for (let b = 0; b < used; b += 1) {
      const left = (first + b) * size;
      if (kept === null) {
        // Such a line changes rarely: its value at both ends is enough.
        out[2 * b] = orNull(source(times[left]));
        out[2 * b + 1] = orNull(source(times[Math.min(to, left + size) - 1]));
      } else if (left + size > to) {
        bucket(source, left, to, out, 2 * b);
      } else {
        const at = 2 * (first + b);
        if (kept[at] === undefined) bucket(source, left, left + size, kept, at);
        out[2 * b] = kept[at];
        out[2 * b + 1] = kept[at + 1];
      }
    }
    return out;
  });
  return [x, ...columns];
}

/** The smallest and the largest of a bucket, in the order in which they come. */
function bucket(source, from, to, out, position) {
  let low = Infinity;
  let high = -Infinity;
  let lowAt = from;
  let highAt = from;
  for (let i = from; i < to; i += 1) {
    const value = source[i];
    if (value < low) {
      low = value;
      lowAt = i;
    }
    if (value > high) {
      high = value;
      highAt = i;
    }
  }
  if (low > high) low = high = NaN;
  out[position] = orNull(lowAt <= highAt ? low : high);
  out[position + 1] = orNull(lowAt <= highAt ? high : low);
}

function at(source, times, i) {
  return typeof source === "function" ? source(times[i]) : source[i];
}

function orNull(value) {
  return Number.isNaN(value) || value === undefined ? null : value;
}
