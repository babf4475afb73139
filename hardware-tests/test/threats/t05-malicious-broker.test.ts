import { pnIdText } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { Attacker, Message } from '../../rigs/simulation/attacker.js';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID, views } from '../simulation/household.js';

const MESSAGE = { channel: 'c', contentType: 't', payload: new Uint8Array([1, 2, 3]) };

/** A PN of all three, and one data message to the server and one from it, over that broker. */
async function talk(home: Household) {
  const { record } = await establishAtPhone(home, { type: 'all' });
  const pnId = pnIdText(record.pnId);
  await home.clock.advance(2_000);
  const up = await home.board.device.messenger.queue({ pnId: undefined, to: 'server', ...MESSAGE });
  const down = home.server.enabler.sendData({ to: PHONE_ID, ...MESSAGE } as never, 60_000);
  expect(await home.clock.run(home.board.device.messenger.outcome(up))).toBe(true);
  expect(await home.clock.run(down)).toMatchObject({ state: 'delivered' });
  await home.clock.advance(2_000);
  return pnId;
}

const overUplink = ({ seen }: Attacker): Message[] => seen.filter(({ way }) => way === 'uplink');

/** What a broker must not be able to move. */
const standing = (home: Household, pnId: Awaited<ReturnType<typeof talk>>) => ({
  ...views(home, pnId, home.phone, home.board),
  version: home.server.database.reads.pns.find(pnId)?.version,
  commits: [home.laptop, home.phone, home.board].map(({ store }) => store.commits.length),
  received: [home.laptop, home.phone, home.board].map(({ received }) => received.length),
  happened: [home.laptop, home.phone, home.board].map(({ happenings }) => happenings.length),
});

describe('T5 Malicious/compromised broker', () => {
  it('sees nothing that it could read: no payload, no key', async () => {
    const home = await household();
    const { attacker } = home;
    const payload = new TextEncoder().encode('a canary that nobody but the phone and the server may see');
    await establishAtPhone(home, { type: 'all' });
    await home.phone.device.messenger.queue({ pnId: undefined, to: 'server', ...MESSAGE, payload });
    await home.clock.advance(5_000);
    expect(overUplink(attacker).length).toBeGreaterThan(10);
    expect(attacker.heard(payload)).toBe(false);
  });

  it('that repeats each message at once changes nothing', async () => {
    const home = await household();
    const { attacker } = home;
    attacker.scheme = ({ way, octets }) => (way === 'uplink' ? [octets, octets, octets] : 'pass');
    const pnId = await talk(home);
    expect(home.phone.received).toHaveLength(1);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    expect(views(home, pnId, home.phone, home.board).server).toEqual([BOARD_ID, PHONE_ID]);
  });

  it('that replays everything it ever carried, in both directions, changes nothing', async () => {
    const home = await household();
    const { attacker } = home;
    const pnId = await talk(home);
    const before = standing(home, pnId);
    const recorded = overUplink(attacker);
    for (const message of recorded) attacker.replay(message);
    for (const message of recorded.toReversed()) attacker.replay(message);
    await home.clock.advance(2_000);
    expect(standing(home, pnId)).toEqual(before);
    expect(await talk(home)).not.toBe(pnId);
  });

  it('that swaps neighbouring messages, wherever it does so, leaves everybody of one mind', async () => {
    for (let n = 1; n <= 12; n++) {
      const home = await household();
      const { attacker } = home;
      let kept: Message | undefined;
      let seen = 0;
      attacker.scheme = (message) => {
        if (message.way !== 'uplink') return 'pass';
        if (++seen === n) {
          kept = message;
          return 'drop';
        }
        if (kept === undefined || message.from !== kept.from) return 'pass';
        const late = kept.octets;
        kept = undefined;
        return [message.octets, late];
      };
      await establishAtPhone(home, { type: 'all' }).catch(() => undefined);
      await home.clock.advance(200_000);
      expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] }), `message ${n}`).toEqual([]);
      attacker.rest();
      await establishAtPhone(home, { type: 'one-to-one' });
    }
  }, 60_000);

  it('that gives the messages of one device to the server in the name of another gets nothing done', async () => {
    const home = await household();
    const { attacker } = home;
    const pnId = await talk(home);
    const before = standing(home, pnId);
    for (const message of overUplink(attacker).filter(({ to }) => to === 'server')) {
      for (const other of [LAPTOP_ID, PHONE_ID, BOARD_ID]) if (other !== message.from) attacker.replay(message, { from: other });
    }
    await home.clock.advance(2_000);
    expect(standing(home, pnId)).toEqual(before);
  });

  it('that delivers the messages for one device to another, live and later, gets nothing done', async () => {
    const home = await household();
    const { attacker } = home;
    const others = (id: unknown) => [LAPTOP_ID, PHONE_ID, BOARD_ID].filter((other) => other !== id);
    attacker.scheme = (message) => {
      if (message.way === 'uplink' && message.from === 'server') {
        for (const other of others(message.to)) attacker.replay(message, { to: other as EntityId });
      }
      return 'pass';
    };
    const pnId = await talk(home);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    attacker.rest();
    const before = standing(home, pnId);
    for (const message of overUplink(attacker).filter(({ from }) => from === 'server')) {
      for (const other of others(message.to)) attacker.replay(message, { to: other as EntityId });
    }
    await home.clock.advance(2_000);
    expect(standing(home, pnId)).toEqual(before);
  });

  it('that alters any message costs a repetition, never a wrong word', async () => {
    const home = await household();
    const { attacker } = home;
    let altered = 0;
    attacker.scheme = ({ way, index, octets }) => {
      if (way !== 'uplink' || index % 3 !== 0) return 'pass';
      altered++;
      return octets.map((octet, i) => (i === (index * 7) % octets.length ? octet ^ 0x10 : octet));
    };
    await establishAtPhone(home, { type: 'all' }).catch(() => undefined);
    await home.clock.advance(200_000);
    expect(altered).toBeGreaterThan(5);
    attacker.rest();
    await home.clock.advance(60_000);
    expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
    await talk(home);
  });
});
