import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../src/testing/index.js';
import { sleep } from '../../src/time.js';
import { describeClock } from '../compliance/clock-compliance.js';

describeClock('VirtualClock', () => {
  const clock = new VirtualClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});

describeClock('VirtualClock without an event loop', () => {
  const clock = new VirtualClock({
    turn: async () => {
      for (let round = 0; round < 50; round++) await undefined;
    },
  });
  return { clock, pass: (ms) => clock.advance(ms) };
});

describe('VirtualClock', () => {
  it('stands still until it is told to move', () => {
    const clock = new VirtualClock({ startMs: 5, wallMs: 1_800_000_000_000 });
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([5, 1_800_000_000_000]);
    expect([clock.monotonicMs(), clock.wallMs()]).toEqual([5, 1_800_000_000_000]);
  });

  it('sets the wall clock without touching durations', async () => {
    const clock = new VirtualClock({ startMs: 100 });
    const asleep = sleep(clock, 50);
    clock.setWallMs(0);
    await clock.run(asleep);
    expect(clock.monotonicMs()).toBe(150);
    expect(clock.wallMs()).toBe(50);
  });

  it('lets chains of promises finish between two timers', async () => {
    const clock = new VirtualClock();
    const order: string[] = [];
    const chain = async () => {
      for (let i = 0; i < 200; i++) await Promise.resolve();
      order.push('chain');
    };
    clock.after(10, () => void chain());
    clock.after(10, () => order.push('second timer'));
    await clock.advance(10);
    expect(order).toEqual(['chain', 'second timer']);
  });

  it('does not leave behind what needs a few turns of the host before it sets its next timer', async () => {
    const clock = new VirtualClock();
    const hostTurn = () => new Promise((resolve) => setImmediate(resolve));
    let wokenAtMs: number | undefined;
    clock.after(10, async () => {
      for (let commit = 0; commit < 3; commit++) await hostTurn();
      await sleep(clock, 5);
      wokenAtMs = clock.monotonicMs();
    });
    await clock.advance(100);
    expect(wokenAtMs).toBe(1_015);
  });

  it('runs timers that are set on the way, at their own times', async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const times: number[] = [];
    const tick = () => {
      times.push(clock.monotonicMs());
      clock.after(10, tick);
    };
    clock.after(10, tick);
    await clock.advance(35);
    expect(times).toEqual([10, 20, 30]);
    expect(clock.monotonicMs()).toBe(35);
  });

  it('keeps the order of many timers, set and cancelled in a muddle', async () => {
    const clock = new VirtualClock({ startMs: 0 });
    const ran: number[] = [];
    const cancels: (() => void)[] = [];
    for (let i = 0; i < 500; i++) cancels.push(clock.after((i * 7919) % 501, () => ran.push(clock.monotonicMs())));
    for (let i = 0; i < 500; i += 3) cancels[i]?.();
    expect(clock.pending).toBe(333);
    await clock.advance(501);
    expect(ran).toHaveLength(333);
    expect(ran).toEqual([...ran].sort((a, b) => a - b));
  });

  it('runs until nothing is left, and says so when that never happens', async () => {
    const clock = new VirtualClock({ startMs: 0 });
    let ran = 0;
    clock.after(70_000, () => ran++);
    await clock.runUntilIdle();
    expect([ran, clock.monotonicMs()]).toEqual([1, 70_000]);
    const for_ever = () => void clock.after(1_000, for_ever);
    for_ever();
    await expect(clock.runUntilIdle(10_000)).rejects.toMatchObject({ family: 'Timeout', code: 'NeverIdle' });
  });

  it('runs until a promise settles, and no longer', async () => {
    const clock = new VirtualClock({ startMs: 0 });
    clock.after(500, () => {});
    await clock.run(sleep(clock, 30));
    expect(clock.monotonicMs()).toBe(30);
    await expect(clock.run(Promise.reject(new Error('as it is')))).rejects.toThrow('as it is');
  });

  it('says so when a promise cannot settle or takes too long', async () => {
    const clock = new VirtualClock();
    await expect(clock.run(new Promise(() => {}))).rejects.toMatchObject({ code: 'NeverSettled' });
    await expect(clock.run(sleep(clock, 2_000), 1_000)).rejects.toMatchObject({ code: 'NeverSettled' });
  });

  it('is driven by one caller at a time', async () => {
    const clock = new VirtualClock();
    const first = clock.advance(10);
    await expect(clock.advance(10)).rejects.toMatchObject({ code: 'ClockDrivenTwice' });
    await first;
    await clock.advance(10);
  });

  it('hands on what an action throws', async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error('from the action');
    });
    await expect(clock.advance(5)).rejects.toThrow('from the action');
  });
});
