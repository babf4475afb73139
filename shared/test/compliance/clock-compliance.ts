import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/ports.js';

export interface ClockHarness {
  readonly clock: Clock;
  /** Lets at least `ms` milliseconds of this clock pass. */
  pass(ms: number): Promise<void>;
}

/** What every {@link Clock} must do. */
export function describeClock(name: string, make: () => ClockHarness): void {
  describe(`${name} as a Clock`, () => {
    it('never goes back, and moves on', async () => {
      const { clock, pass } = make();
      const readings = [clock.monotonicMs()];
      for (let i = 0; i < 50; i++) {
        if (i % 10 === 0) await pass(2);
        readings.push(clock.monotonicMs());
      }
      expect(readings).toEqual([...readings].sort((a, b) => a - b));
      expect((readings.at(-1) ?? 0) - (readings[0] ?? 0)).toBeGreaterThanOrEqual(8);
    });

    it('shows a wall time in milliseconds since 1970', () => {
      const { clock } = make();
      expect(clock.wallMs()).toBeGreaterThan(1_700_000_000_000);
      expect(clock.wallMs()).toBeLessThan(10_000_000_000_000);
    });

    it('runs an action once, later than the call and not before its time', async () => {
      const { clock, pass } = make();
      const ran: number[] = [];
      const fromMs = clock.monotonicMs();
      clock.after(15, () => ran.push(clock.monotonicMs()));
      expect(ran).toEqual([]);
      await pass(60);
      expect(ran).toHaveLength(1);
      expect((ran[0] ?? 0) - fromMs).toBeGreaterThanOrEqual(15);
    });

    it.each([0, -5, 0.25])('runs an action that is due after %d ms soon, but not within the call', async (delayMs) => {
      const { clock, pass } = make();
      let ran = 0;
      clock.after(delayMs, () => ran++);
      expect(ran).toBe(0);
      await pass(20);
      expect(ran).toBe(1);
    });

    it('runs actions in the order of their times', async () => {
      const { clock, pass } = make();
      const order: string[] = [];
      clock.after(40, () => order.push('second'));
      clock.after(10, () => order.push('first'));
      await pass(80);
      expect(order).toEqual(['first', 'second']);
    });

    it('runs actions of one time in the order in which they were asked for', async () => {
      const { clock, pass } = make();
      const order: number[] = [];
      for (let i = 0; i < 5; i++) clock.after(5, () => order.push(i));
      await pass(30);
      expect(order).toEqual([0, 1, 2, 3, 4]);
    });

    it('does not run what was cancelled, and cancelling is harmless at any time', async () => {
      const { clock, pass } = make();
      const ran: string[] = [];
      const cancelBefore = clock.after(10, () => ran.push('cancelled'));
      cancelBefore();
      cancelBefore();
      const cancelAfter = clock.after(1, () => ran.push('kept'));
      const cancelOther = clock.after(30, () => ran.push('cancelled by another'));
      clock.after(15, () => cancelOther());
      await pass(60);
      cancelAfter();
      expect(ran).toEqual(['kept']);
    });

    it('can be asked for an action from inside one', async () => {
      const { clock, pass } = make();
      let ran = 0;
      clock.after(2, () => void clock.after(2, () => ran++));
      await pass(40);
      expect(ran).toBe(1);
    });

    it('waits for months where it is told to', async () => {
      const { clock, pass } = make();
      let ran = 0;
      const cancels = [2 ** 31, 2 ** 32 + 5, 1e12].map((delayMs) => clock.after(delayMs, () => ran++));
      await pass(20);
      expect(ran).toBe(0);
      for (const cancel of cancels) cancel();
    });
  });
}
