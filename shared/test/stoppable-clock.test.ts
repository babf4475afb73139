import { describe, expect, it } from 'vitest';
import { StoppableClock } from '../src/stoppable-clock.js';
import { VirtualClock } from '../src/testing/virtual-clock.js';
import { describeClock } from './compliance/clock-compliance.js';

describeClock('StoppableClock', () => {
  const clock = new VirtualClock();
  return { clock: new StoppableClock(clock), pass: (ms) => clock.advance(ms) };
});

describe('a stoppable clock', () => {
  it('gives every timer back when it is stopped, and sets none afterwards', async () => {
    const clock = new VirtualClock();
    const part = new StoppableClock(clock);
    let ran = 0;
    part.after(1, () => ran++);
    part.after(100, () => ran++);
    await clock.advance(10);
    part.stop();
    part.stop();
    part.after(1, () => ran++)();
    await clock.advance(200);
    expect([ran, clock.pending]).toEqual([1, 0]);
  });
});
