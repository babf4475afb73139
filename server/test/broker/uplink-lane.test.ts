import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UplinkLane } from '../../src/broker/uplink-lane.js';

describe('UplinkLane', () => {
  it('begins tasks in order and runs at most so many at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.scheduler(), fc.integer({ min: 1, max: 12 }), async (width, scheduler, count) => {
        const lane = new UplinkLane(width);
        const begun: number[] = [];
        let running = 0;
        const all = Array.from({ length: count }, (_, i) =>
          lane.run(async () => {
            begun.push(i);
            expect(++running).toBeLessThanOrEqual(width);
            await scheduler.schedule(Promise.resolve());
            running--;
          }),
        );
        await scheduler.waitFor(Promise.all(all));
        expect(begun).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
    );
  });

  it('goes on after a task that failed, and hands the failure on', async () => {
    const lane = new UplinkLane(1);
    const failed = lane.run(() => Promise.reject(new Error('no')));
    const next = lane.run(async () => {});
    await expect(failed).rejects.toThrow('no');
    await next;
  });

  it('drops what has not begun when it is closed', async () => {
    const lane = new UplinkLane(1);
    let finish = () => {};
    const first = lane.run(() => new Promise((resolve) => (finish = resolve)));
    const second = lane.run(async () => {
      throw new Error('must not run');
    });
    lane.close();
    await expect(second).rejects.toThrow('The device was disconnected.');
    finish();
    await first;
    await expect(lane.run(async () => {})).rejects.toMatchObject({ code: 'Disconnected' });
  });
});
