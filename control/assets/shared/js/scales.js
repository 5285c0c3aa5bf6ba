// How lines are told apart, and where axes end.

/** The dashes of each lane. */
export const DASHES = [[], [9, 4], [3, 3], [9, 3, 2, 3]];

/** A round number at or above `value`, so that the axis moves rarely. */
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((one) => one * power >= value * 0.9999);
  return step * power;
}

/** The range of a logarithmic axis around the values. */
export function logRange(low, high) {
  const bottom = Math.max(0.01, Number.isFinite(low) && low > 0 ? low : 1);
  const top = Math.max(Number.isFinite(high) ? high : 10, bottom * 1.5);
  const power = 10 ** Math.floor(Math.log10(bottom));
  const floor = [5, 2, 1].find((one) => one * power <= bottom) ?? 1;
  return [floor * power, roundUp(top * 1.15)];
}
