import { setTimeout as realTime } from 'node:timers/promises';
import { sleep } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { HeldTime } from '../../../rigs/simulation/held-time.js';

describe('time that is held', () => {
  it('does not pass while something real is under way, and goes on after it, however that ended', async () => {
    const time = new HeldTime();
    const clock = new VirtualClock({ turn: time.turn });
    const story = async () => {
      // Somebody always has a timer that is due soon.
      const ticking = (): void => void clock.after(10, ticking);
      ticking();
      const began = clock.monotonicMs();
      await time.during(() => realTime(5));
      await time.during(() => realTime(5).then(() => Promise.reject(new Error('refused')))).catch(() => {});
      const held = clock.monotonicMs() - began;
      await sleep(clock, 1_000);
      return [held, clock.monotonicMs() - began];
    };
    // One timer is run before the clock sees that it is held.
    const [held = 0, passed = 0] = await clock.run(story());
    expect(held).toBeLessThanOrEqual(20);
    expect(passed - held).toBe(1_000);
  });
});
