import { expect, test } from 'vitest';
import { interleave, type Work } from '../../benchmarks/interleaved.js';

const never = new AbortController().signal;

/** Time passes only when a work says so. */
function bench() {
  let nowMs = 0;
  const order: string[] = [];
  const clock = { monotonicMs: () => nowMs, wallMs: () => 0, after: () => () => {} };
  const work = (name: string, usPerOperation: () => number): Work => {
    return (count) => {
      order.push(name);
      nowMs += (count * usPerOperation()) / 1000;
    };
  };
  return { clock, order, work };
}

test('tells the time of one operation and the speed against the first', async () => {
  const { clock, work } = bench();
  const works = [work('fast', () => 10), work('slow', () => 40)];
  const { medianUs, speed } = await interleave(clock, works, { rounds: 5, sliceMs: 10, signal: never });
  expect(medianUs[0]).toBeCloseTo(10);
  expect(medianUs[1]).toBeCloseTo(40);
  expect(speed[0]).toBe(1);
  expect(speed[1]).toBeCloseTo(0.25);
});

test('one disturbed round moves neither medians nor ratios', async () => {
  const { clock, order, work } = bench();
  const disturbed = () => (order.length > 30 ? 1_000 : 10);
  const works = [work('a', disturbed), work('b', () => 20)];
  const { medianUs, speed } = await interleave(clock, works, { rounds: 9, sliceMs: 1, signal: never });
  expect(medianUs[0]).toBeCloseTo(10);
  expect(speed[1]).toBeCloseTo(0.5);
});

test('begins each round with another work', async () => {
  const { clock, order, work } = bench();
  const works = [work('a', () => 1_000), work('b', () => 1_000)];
  await interleave(clock, works, { rounds: 3, sliceMs: 1, signal: never });
  expect(order.slice(-6).join('')).toBe('abbaab');
});

test('ends when it is told to', async () => {
  const { clock, work } = bench();
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  await expect(interleave(clock, [work('a', () => 10)], { rounds: 1, sliceMs: 1, signal: stop.signal })).rejects.toThrow('enough');
});
