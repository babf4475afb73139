import { describe, expect, it } from 'vitest';
import { BOARD_ID, LAPTOP_ID, PHONE_ID } from './household.js';
import { everyMoment } from './interrupted.js';

describe('a power cut at each commit and each message of an establishment', () => {
  it.each([PHONE_ID, BOARD_ID, LAPTOP_ID])(
    'of %s leaves everybody in agreement',
    async (id) => {
      const { faults, moments, stood } = await everyMoment({
        arm: ({ devices }, n, happened) => {
          const device = devices.get(id);
          device?.deeds.at(n, () => {
            device.powerCut();
            happened(`${id} ${device.deeds.done.at(-1)}`);
          });
        },
        mend: async ({ home, devices }) => {
          const store = devices.get(id)?.store.crash();
          devices.set(id, await home.start(id, store && { store }));
        },
      });
      expect(faults).toEqual([]);
      expect(moments).toBeGreaterThan(10);
      // Early ones undo it, late ones do not.
      expect(stood).toBeGreaterThan(0);
    },
    60_000,
  );

  it('of the server leaves everybody in agreement', async () => {
    const { faults, moments, stood } = await everyMoment({
      arm: ({ home: { server } }, n, happened) =>
        server.deeds.at(n, () => {
          server.crash();
          happened(`the server ${server.deeds.done.at(-1)}`);
        }),
      mend: ({ home }) => home.server.restart(),
      // PNEs notice by its silence.
      quietMs: 240_000,
    });
    expect(faults).toEqual([]);
    expect(moments).toBeGreaterThan(10);
    expect(stood).toBeGreaterThan(0);
  }, 60_000);
});
