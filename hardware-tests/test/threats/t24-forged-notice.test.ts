import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import {
  ack,
  clearFrame,
  encodeEnvelope,
  pneNotificationExpel,
  pnReleaseNotification,
  RemoveReason,
  relay,
  sessionUnknown,
  unknownPn,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { BOARD_ID, establishAtPhone, type Household, household, LAPTOP_ID, PHONE_ID } from '../simulation/household.js';
import { stranger } from '../simulation/stranger.js';

const LINK = { kind: 'link' } as const;
const soon = { timeoutMs: 3_000 };

/** The phone is in two PNs of a PN GW that has been taken over. */
async function inTwoPns() {
  const home = await household();
  const pnIds: PnId[] = [];
  for (const type of ['all', 'one-to-one'] as const) {
    const { record } = await establishAtPhone(home, { type });
    pnIds.push(pnIdText(record.pnId));
    await home.clock.advance(1_000);
  }
  const [pnId, other] = pnIds as [PnId, PnId];
  const link = home.laptop.device.linkTo(PHONE_ID);
  if (link === undefined) throw new Error('not linked');
  return { home, pnId, other, link };
}

/** The phone is in both PNs, with a session in each, and in agreement with everybody. */
async function expectUnmoved(home: Household, ...pnIds: PnId[]) {
  await home.clock.advance(10_000);
  for (const pnId of pnIds) {
    expect(home.phone.device.state.pn(pnId)).toBeDefined();
    expect(home.phone.device.hasServerSession(pnId)).toBe(true);
  }
  expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
}

const NOTICES = [
  ['UnknownPN', unknownPn, {}],
  ['Expel', pneNotificationExpel, { reason: RemoveReason.Expelled }],
  ['PN Release', pnReleaseNotification, {}],
] as const;

describe('T24 a forged notice (UnknownPN, Expel, Release) outside SK_L and SK', () => {
  it.each(NOTICES)('%s in the link session makes no PNE give a PN up', async (_name, type, more) => {
    const { home, pnId, other, link } = await inTwoPns();
    const body = { pnId: fromHex(pnId), ...more } as never;
    await home.clock.run(link.exchange.request(type as typeof unknownPn, body, [ack], LINK, soon).catch(() => undefined));
    await expectUnmoved(home, pnId, other);
  });

  it.each(NOTICES)('%s in the PAN session of another PN makes no PNE give a PN up', async (_name, type, more) => {
    const { home, pnId, other, link } = await inTwoPns();
    const body = { pnId: fromHex(pnId), ...more } as never;
    const hop = { kind: 'pan', pnId: other } as const;
    await home.clock.run(link.exchange.request(type as typeof unknownPn, body, [ack], hop, soon).catch(() => undefined));
    await expectUnmoved(home, pnId, other);
  });

  it.each(NOTICES)('%s in clear from a stranger is not listened to', async (_name, type, more) => {
    const { home, pnId, other } = await inTwoPns();
    for (const id of [LAPTOP_ID, 'mallory' as typeof LAPTOP_ID]) {
      const { link, heard } = await stranger(home, PHONE_ID, `${id}-2` as typeof id);
      link.send(clearFrame(encodeEnvelope(type as typeof unknownPn, new Uint8Array(16), id, { pnId: fromHex(pnId), ...more } as never)));
      await home.clock.advance(100);
      expect(heard).toEqual([]);
    }
    await expectUnmoved(home, pnId, other);
  });

  it('a sealed Expel that was for another member expels nobody else, whoever relays it', async () => {
    const { home, pnId, other, link } = await inTwoPns();
    const relayed: Uint8Array[] = [];
    const toBoard = home.laptop.device.linkTo(BOARD_ID);
    const notify = toBoard?.exchange.notify.bind(toBoard.exchange);
    if (toBoard === undefined || notify === undefined) throw new Error('not linked');
    toBoard.exchange.notify = (type, body, ...rest) => {
      if ((type as { number: number }).number === relay.number) relayed.push((body as unknown as { record: Uint8Array }).record);
      return notify(type, body, ...rest);
    };
    await home.clock.run(home.server.enabler.revokeDevice(BOARD_ID));
    await home.clock.advance(2_000);
    expect(relayed.length).toBeGreaterThan(0);
    expect(home.board.device.state.pn(pnId)).toBeUndefined();
    for (const record of relayed) {
      const altered = record.map((octet, i) => (i === record.length - 1 ? octet ^ 1 : octet));
      for (const octets of [record, altered]) {
        link.exchange.notify(relay, { pnId: fromHex(pnId), pne: PHONE_ID, record: octets }, { kind: 'pan', pnId });
      }
    }
    await expectUnmoved(home, pnId, other);
  });

  it('UnknownPN of a PN GW is a hint, asked about at the server at most once in the time that a restart is given', async () => {
    const { home, pnId, link } = await inTwoPns();
    const registrations = () => home.phone.store.commits.filter((changes) => [...changes.keys()].includes('server-keys')).length;
    const before = registrations();
    for (let i = 0; i < 40; i++) {
      await home.clock.run(link.exchange.request(unknownPn, { pnId: fromHex(pnId) }, [ack], LINK, soon).catch(() => undefined));
      await home.clock.advance(20);
    }
    await home.clock.advance(5_000);
    // Forty hints in some two seconds; the spread is one second here.
    expect(registrations() - before).toBeLessThanOrEqual(3);
    expect(registrations() - before).toBeGreaterThan(0);
  });

  it('SessionUnknown of the broker is a hint: the old session goes on until the server is verified again', async () => {
    const { home, pnId, other } = await inTwoPns();
    const [record] = home.attacker.between('uplink', LAPTOP_ID, 'server').filter(({ octets }) => octets[0] === 3);
    const sid = record?.octets.slice(1, 9) as Uint8Array;
    const forged = clearFrame(encodeEnvelope(sessionUnknown, new Uint8Array(16), '', { sid }));
    for (let i = 0; i < 20; i++) home.attacker.inject({ way: 'uplink', from: 'server', to: LAPTOP_ID, octets: forged });
    await expectUnmoved(home, pnId, other);
  });
});
