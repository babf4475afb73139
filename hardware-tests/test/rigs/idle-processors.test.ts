import { VirtualClock } from '@cpns/shared/testing';
import { expect, it, vi } from 'vitest';
import { processorsIdle } from '../../rigs/idle-processors.js';

let used = 0;
let unused = 0;
vi.mock('node:os', () => ({ cpus: () => [{ times: { user: used, nice: 0, sys: 0, irq: 0, idle: unused } }] }));

/** How many seconds it takes when the processor is unused as much as `shares` say, second by second. */
async function seconds(shares: readonly number[], until = () => false): Promise<number> {
  const clock = new VirtualClock();
  let done = false;
  processorsIdle(clock, 0.4, until).then(() => {
    done = true;
  });
  for (const [at, share] of shares.entries()) {
    await clock.advance(0);
    if (done) return at;
    used += 1_000 * (1 - share);
    unused += 1_000 * share;
    await clock.advance(1_000);
  }
  return done ? shares.length : Number.POSITIVE_INFINITY;
}

it('waits for a second in which the processors had little to do', async () => {
  expect(await seconds([0.9, 0, 0])).toBe(1);
  expect(await seconds([0, 0.1, 0.39, 0.41, 0])).toBe(4);
  expect(await seconds([0, 0, 0])).toBe(Number.POSITIVE_INFINITY);
});

it('does not wait when it need not', async () => {
  expect(await seconds([0, 0], () => true)).toBe(0);
  let looks = 0;
  expect(await seconds([0, 0, 0, 0], () => ++looks > 2)).toBe(2);
});
