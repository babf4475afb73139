import { setTimeout as wait } from 'node:timers/promises';
import { expect, it, vi } from 'vitest';
import { SystemClock, systemEntropy } from '../../src/node/index.js';
import { describeClock } from '../compliance/clock-compliance.js';
import { describeEntropy } from '../compliance/entropy-compliance.js';

/** Real time of a busy machine: all timers of the suite have their chance to run before the next check. */
const pass = async (ms: number) => {
  await wait(ms * 2);
  await new Promise((resolve) => setImmediate(resolve));
};

describeClock('SystemClock', () => ({ clock: new SystemClock(), pass }));
describeClock('SystemClock without a hold on the process', () => ({ clock: new SystemClock({ unref: true }), pass }));
describeEntropy('systemEntropy', () => systemEntropy);

it('keeps the process alive only when it is meant to', () => {
  const real = globalThis.setTimeout;
  const made: NodeJS.Timeout[] = [];
  const spy = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((action: () => void, ms: number) => {
    const timer = real(action, ms);
    made.push(timer);
    return timer;
  }) as typeof setTimeout);
  const cancels = [new SystemClock().after(60_000, () => {}), new SystemClock({ unref: true }).after(60_000, () => {})];
  spy.mockRestore();
  expect(made.map((timer) => timer.hasRef())).toEqual([true, false]);
  for (const cancel of cancels) cancel();
});
