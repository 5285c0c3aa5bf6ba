// From columns to what uPlot draws: the visible part, and of many points the extremes.

/** Plain arrays that are used again for every frame: one per series. */
export class Buffers {
  #arrays = [];

  /** Returns array `i` with `length` entries. */
  take(i, length) {
    const array = (this.#arrays[i] ??= []);
    array.length = length;
    return array;
  }
}

/**
 * Writes the points `from..to` of `sources` into buffers: x first. A source is a typed array, a function of
 * time, or null if the series is hidden. With more than two points per pixel, each two pixels keep
 * their smallest and their largest value.
 */
export function visible(times, sources, from, to, pixels, buffers) {
  const count = Math.max(0, to - from);
  return count <= pixels * 2
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
  // Buckets begin at multiples of their size, so a window that slides does not make the lines flicker.
  const size = Math.ceil(count / buckets);
  const begin = Math.floor(from / size) * size;
  const to = from + count;
  const used = Math.ceil((to - begin) / size);
  const x = buffers.take(0, used * 2);
  for (let b = 0; b < used; b += 1) {
    const left = Math.max(from, begin + b * size);
    const right = Math.min(to, begin + (b + 1) * size);
    x[2 * b] = times[left];
    x[2 * b + 1] = times[Math.max(left, (left + right) >> 1)];
  }
  const columns = sources.map((source, s) => {
    if (source === null) return x;
    const out = buffers.take(s + 1, used * 2);
    for (let b = 0; b < used; b += 1) {
      const left = Math.max(from, begin + b * size);
      bucket(source, times, left, Math.min(to, begin + (b + 1) * size), out, 2 * b);
    }
    return out;
  });
  return [x, ...columns];
}

/** The smallest and the largest of a bucket, in the order in which they come. */
function bucket(source, times, from, to, out, position) {
  if (typeof source === "function") {
    // Such a line changes rarely: its value at both ends is enough.
    out[position] = orNull(source(times[from]));
    out[position + 1] = orNull(source(times[to - 1]));
    return;
  }
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
