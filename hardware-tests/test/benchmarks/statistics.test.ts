import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median, quantile, rounded, slope } from '../../benchmarks/statistics.js';

describe('quantile', () => {
  test('the median of an odd number of values is the one in the middle, in whatever order they come', () => {
    expect(median([9, 1, 5])).toBe(5);
  });

  test('the median of an even number of values lies between the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test('the 95th percentile is interpolated between the nearest ranks', () => {
    const values = Array.from({ length: 101 }, (_, i) => i);
    expect(quantile(values, 0.95)).toBe(95);
    expect(quantile([0, 10], 0.95)).toBeCloseTo(9.5);
  });

  test('its ends are the least and the greatest value, and it never leaves them', () => {
    const numbers = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(numbers, fc.double({ min: 0, max: 1, noNaN: true }), (values, fraction) => {
        const [least, greatest] = [Math.min(...values), Math.max(...values)];
        expect(quantile(values, 0)).toBe(least);
        expect(quantile(values, 1)).toBe(greatest);
        const value = quantile(values, fraction);
        expect(value).toBeGreaterThanOrEqual(least);
        expect(value).toBeLessThanOrEqual(greatest);
      }),
    );
  });

  test('leaves the values as they were', () => {
    const values = [3, 1, 2];
    quantile(values, 0.5);
    expect(values).toEqual([3, 1, 2]);
  });

  test('refuses what has no quantile', () => {
    expect(() => median([])).toThrow('nothing');
    expect(() => median([1, Number.NaN])).toThrow('not a number');
    expect(() => quantile([1], 1.1)).toThrow('fraction');
    expect(() => quantile([1], Number.NaN)).toThrow('fraction');
  });
});

test('a rounded figure is a number that prints short', () => {
  expect(JSON.stringify({ p50Ms: rounded(12.3456), ratio: rounded(0.08765, 3) })).toBe('{"p50Ms":12.3,"ratio":0.088}');
});

describe('slope', () => {
  test('of points on a line is that of the line', () => {
    expect(slope([0, 1, 5, 9].map((x) => ({ x, y: 3 - 2 * x })))).toBeCloseTo(-2);
  });

  test('of points around a line is the one with the least squares', () => {
    expect(
      slope([
        { x: 0, y: 0 },
        { x: 1, y: 3 },
        { x: 2, y: 0 },
        { x: 3, y: 3 },
      ]),
    ).toBeCloseTo(0.6);
  });

  test('of one point, or none, is 0', () => {
    expect([slope([]), slope([{ x: 1, y: 7 }])]).toEqual([0, 0]);
  });
});
