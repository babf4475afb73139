/**
 * The value below which `fraction` (0 to 1) of the values lie, interpolated between the two nearest ranks. Order does not matter.
 * @throws RangeError when there are no values, one of them is no number, or `fraction` is out of bounds
 */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) throw new RangeError('there is nothing to take a quantile of');
  if (!(fraction >= 0 && fraction <= 1)) throw new RangeError('a fraction is 0 to 1');
  if (values.some(Number.isNaN)) throw new RangeError('not a number');
  const sorted = [...values].sort((a, b) => a - b);
  const rank = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(rank)] as number;
  const above = sorted[Math.ceil(rank)] as number;
  // Rounding must not carry it past its neighbour.
  return Math.min(above, below + (above - below) * (rank - Math.floor(rank)));
}

/** @throws RangeError as {@link quantile} */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Rounded to so many decimals, for a report. */
export function rounded(value: number, decimals = 1): number {
  return Number(value.toFixed(decimals));
}

/** Slope of the straight line through the points by least squares: units of y for one unit of x; 0 when there is no such line. */
export function slope(points: readonly { readonly x: number; readonly y: number }[]): number {
  const mean = (of: (point: { x: number; y: number }) => number) => points.reduce((sum, point) => sum + of(point), 0) / points.length;
  const [x, y] = [mean((point) => point.x), mean((point) => point.y)];
  const spread = mean((point) => (point.x - x) ** 2);
  return spread > 0 ? mean((point) => (point.x - x) * (point.y - y)) / spread : 0;
}
