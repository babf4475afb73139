import { describe, expect, it } from 'vitest';
import { BOARD_ID, LAPTOP_ID, PHONE_ID } from './household.js';
import { everyMoment, type Stage } from './interrupted.js';

/** Calls `action` at the n-th frame in the room. */
function atFrame({ home: { air } }: Stage, n: number, action: (from: string, to: string) => void): void {
  let frames = 0;
  air.hook = ({ from, to, octets }) => {
    if (++frames === n) action(from, to);
    return octets;
  };
}

describe('an establishment that is interrupted at each of its moments', () => {
  it('by the loss of the link leaves everybody in agreement', async () => {
    const { faults, moments, stood } = await everyMoment({
      arm: (stage, n, happened) =>
        atFrame(stage, n, (from, to) => {
          stage.home.air.sever(from as never, to as never);
          happened(`the link broke at a frame of ${from} to ${to}`);
        }),
    });
    expect(faults).toEqual([]);
    expect(moments).toBeGreaterThan(40);
    expect(stood).toBeGreaterThan(0);
  }, 60_000);

  it('by silence on a link leaves everybody in agreement', async () => {
    const { faults, stood } = await everyMoment({
      arm: (stage, n, happened) =>
        atFrame(stage, n, (from, to) => {
          for (const link of stage.home.air.links) if ([link.from, link.to].sort().join() === [from, to].sort().join()) link.pair.cut();
          happened(`silence from a frame of ${from} to ${to} on`);
        }),
    });
    expect(faults).toEqual([]);
    expect(stood).toBeGreaterThan(0);
  }, 60_000);

  it('by the server that goes away leaves everybody in agreement', async () => {
    const { faults, stood } = await everyMoment({
      arm: ({ home: { server } }, n, happened) =>
        server.deeds.at(n, () => {
          server.goAway();
          happened(`the server was gone after it ${server.deeds.done.at(-1)}`);
        }),
      mend: async ({ home: { server }, clock }) => {
        await clock.advance(30_000);
        server.reachable = true;
      },
    });
    expect(faults).toEqual([]);
    expect(stood).toBeGreaterThan(0);
  }, 60_000);

  it('by the person who gives it up is given up everywhere, or done', async () => {
    const { faults, outcomes, moments } = await everyMoment({
      arm: (stage, n, happened) =>
        atFrame(stage, n, (from, to) => {
          stage.person.abort();
          happened(`given up at a frame of ${from} to ${to}`);
        }),
    });
    expect(faults).toEqual([]);
    expect(moments).toBeGreaterThan(40);
    expect(outcomes.filter(({ told }) => told === undefined)).toEqual([]);
    expect(outcomes.filter(({ told, stands }) => (told === 'Aborted') === stands)).toEqual([]);
  }, 60_000);

  it.each([PHONE_ID, BOARD_ID, LAPTOP_ID])(
    'by a full disk of %s leaves nothing half-kept, and works later',
    async (id) => {
      const { faults, moments } = await everyMoment({
        arm: ({ devices }, n, happened) => {
          const device = devices.get(id);
          device?.store.failCommit(n);
          device?.deeds.atCommit(n, () => happened(`the disk of ${id} was full: ${device.deeds.done.at(-1)}`));
        },
      });
      expect(faults).toEqual([]);
      expect(moments).toBeGreaterThan(0);
    },
    60_000,
  );
});
