import { describe, expect, it } from 'vitest';
import { establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID } from './household.js';

/** Stops everybody and says how many timers are left. */
async function timersAfterStop({ clock, server, laptop, phone, board }: Household): Promise<number> {
  await clock.run(Promise.all([laptop, phone, board].map(({ device }) => device.stop())));
  await clock.run(server.stop());
  // What is on its way through the room arrives at nobody.
  await clock.advance(100);
  return clock.pending;
}

const message = { pnId: undefined, channel: 'c', contentType: 't', payload: new Uint8Array(1) };

describe('stopping', () => {
  it('leaves no timer of a household at rest', async () => {
    expect(await timersAfterStop(await household())).toBe(0);
  });

  it('leaves no timer of an established network with messages under way', async () => {
    const home = await household();
    await establishAtPhone(home, { type: 'all' });
    for (let i = 0; i < 30; i++) await home.phone.device.messenger.queue({ ...message, to: 'server' });
    home.server.goAway();
    for (let i = 0; i < 30; i++) await home.phone.device.messenger.queue({ ...message, to: LAPTOP_ID });
    await home.clock.advance(50);
    expect(await timersAfterStop(home)).toBe(0);
  });

  it('leaves no timer of a pairing and of a question that wait for people', async () => {
    const home = await household({ board: { consent: 'ask' } });
    const waiting = [
      home.laptop.device.pairing.pair({ type: 'code' }, undefined, () => {}, never()),
      home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, never()),
    ].map((wait) => wait.then(String, (error) => error.code as string));
    await home.clock.advance(3_000);
    expect(home.board.device.consents.list()).toHaveLength(1);
    expect(await timersAfterStop(home)).toBe(0);
    expect(await Promise.all(waiting)).toEqual(['Stopping', 'LinkLost']);
  });

  it('twice is harmless', async () => {
    const home = await household();
    await timersAfterStop(home);
    await home.phone.device.stop();
    expect(home.clock.pending).toBe(0);
  });

  it.each([PHONE_ID, LAPTOP_ID])(
    'of %s at each moment of an establishment ends every wait at once',
    async (id) => {
      let n = 1;
      for (; ; n++) {
        const home = await household();
        const { clock } = home;
        const device = id === PHONE_ID ? home.phone : home.laptop;
        let stopping: Promise<void> | undefined;
        device.deeds.at(n, () => {
          stopping = device.device.stop();
        });
        let ended: string | undefined;
        home.phone.device.networks
          .establish({ type: 'all' }, undefined, () => {}, never())
          .then(
            () => {
              ended = 'done';
            },
            (error) => {
              ended = String(error.code);
            },
          );
        await clock.advance(300);
        if (stopping === undefined) break;
        await clock.run(stopping, 1_000);
        expect(ended, `after deed ${n} (${device.deeds.done.at(-1)})`).toBeDefined();
        expect(await timersAfterStop(home), `after deed ${n}`).toBe(0);
      }
      expect(n).toBeGreaterThan(10);
    },
    30_000,
  );

  it('while the devices look for one another leaves no timer', async () => {
    for (let ms = 0; ms < 6_000; ms += 500) {
      const home = await household();
      home.air.sever(PHONE_ID, LAPTOP_ID);
      home.laptop.device.linkTo(home.board.id)?.close('to be set up anew');
      await home.clock.advance(ms);
      expect(await timersAfterStop(home)).toBe(0);
    }
  });
});

describe('every wait', () => {
  it('of an establishment ends when the person gives it up, although nobody answers any more', async () => {
    let n = 1;
    for (; ; n++) {
      const home = await household();
      const { clock, air } = home;
      const person = new AbortController();
      let frames = 0;
      air.hook = ({ octets }) => {
        if (++frames < n) return octets;
        clock.after(10, () => person.abort());
        return [];
      };
      let ended: string | undefined;
      home.phone.device.networks
        .establish({ type: 'all' }, undefined, () => {}, person.signal)
        .then(
          () => {
            ended = 'done';
          },
          (error) => {
            ended = String(error.code);
          },
        );
      await clock.advance(500);
      if (frames < n) break;
      expect(ended, `silence from frame ${n} on`).toBeDefined();
    }
    expect(n).toBeGreaterThan(20);
  }, 30_000);

  it('of an establishment ends by itself when nobody answers any more', async () => {
    for (let n = 1; n < 40; n += 3) {
      const home = await household();
      let frames = 0;
      home.air.hook = ({ octets }) => (++frames < n ? octets : []);
      let ended: string | undefined;
      home.phone.device.networks
        .establish({ type: 'all' }, undefined, () => {}, never())
        .then(
          () => {
            ended = 'done';
          },
          (error) => {
            ended = String(error.code);
          },
        );
      await home.clock.advance(10_000);
      expect(ended, `silence from frame ${n} on`).toBeDefined();
    }
  }, 30_000);
});
