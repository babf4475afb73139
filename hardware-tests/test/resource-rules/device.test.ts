import { DeviceState, defaultSettings, pnIdText } from '@cpns/agent';
import { type EntityId, entityId, type PnId } from '@cpns/shared';
import {
  ack,
  clearFrame,
  decodeEnvelope,
  encodeEnvelope,
  pairing2,
  panHandshake1,
  panHandshake2,
  pnSetupInvitation,
  pnSetupRequest,
  pnSetupResponse,
  refusal,
  Status,
  zoneAnnouncement,
} from '@cpns/shared/messages';
import { nativeProvider } from '@cpns/shared/node';
import { MemoryStore } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { pairByCode, simulatedDevice } from '../../rigs/simulation/device.js';
import { establishAtPhone, type Household, household, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';
import { stranger } from '../simulation/stranger.js';

const LINK = { kind: 'link' } as const;
const soon = { timeoutMs: 3_000 };
const named = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => entityId(`${prefix}-${i}`));

/** What the owner of a linked device can do with it. */
function abused({ board }: Household, to = LAPTOP_ID) {
  const link = board.device.linkTo(to);
  if (link === undefined) throw new Error('not linked');
  return link;
}

describe('limits.links: 16 links', () => {
  it('unproven ones hold 8 places at most, and a paired device gets in', async () => {
    const home = await household();
    const strangers = [];
    for (const id of named('stranger', 30)) strangers.push(await stranger(home, LAPTOP_ID, id));
    expect(strangers.map(({ closed }) => closed())).toEqual(strangers.map((_, i) => i >= 8));
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
    home.air.sever(PHONE_ID, LAPTOP_ID);
    await home.clock.advance(5_000);
    expect(home.laptop.device.linkTo(PHONE_ID)).toBeDefined();
  });

  it('the 17th paired device waits, and nobody who is linked goes for it', async () => {
    const home = await household();
    const others = [];
    for (const id of named('zz', 14)) others.push(await home.start(id));
    for (const other of others) await pairByCode(home.clock, home.laptop, other);
    await home.clock.advance(5_000);
    const linked = () => [...home.laptop.device.linkedPeers()].sort();
    const before = linked();
    expect(before).toHaveLength(16);
    // One of them steps outside; its place goes to a newcomer, who is paired by then.
    const [leaver] = others;
    await leaver?.device.stop();
    await home.clock.advance(10_000);
    const newcomer = await home.start('zzz');
    await pairByCode(home.clock, home.laptop, newcomer);
    await home.clock.advance(5_000);
    expect(linked()).toContain('zzz');
    const full = linked();
    const back = await home.start('zz-0', { store: leaver?.store as MemoryStore });
    await home.clock.advance(60_000);
    expect(linked()).toEqual(full);
    await newcomer.device.stop();
    await home.clock.advance(60_000);
    expect(back.device.linkTo(LAPTOP_ID)).toBeDefined();
    expect(linked()).toEqual(before);
  });
});

it('limits.panHandshakesAtOncePerLink: 4 X25519 at once, and the other members go on', async () => {
  const home = await household();
  const pnIds: PnId[] = [];
  for (let i = 0; i < 5; i++) {
    const { record } = await home.clock.run(home.board.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never()));
    pnIds.push(pnIdText(record.pnId));
    await home.clock.advance(1_000);
  }
  const link = abused(home);
  const handshake = (pnId: PnId) => {
    const kept = home.board.device.state.localEuKeys().find((key) => key.pnId === pnId);
    if (kept === undefined) throw new Error('no LocalEUKey');
    const headerHash = nativeProvider.sha256(kept.record.header);
    const ePneLocal = nativeProvider.x25519Public(new Uint8Array(32).fill(7));
    const a = new Uint8Array(32).fill(5);
    return home.clock
      .run(link.exchange.request(panHandshake1, { pnId: pnIdBytes(pnId), a, ePneLocal, headerHash }, [panHandshake2], LINK, soon))
      .then(
        () => Status.Success,
        (error) => error.status as Status,
      );
  };
  const outcomes = [];
  for (const pnId of pnIds) outcomes.push(await handshake(pnId));
  expect(outcomes).toEqual([...new Array(4).fill(Status.Success), Status.Busy]);
  expect(await establishAtPhone(home, { type: 'one-to-one' })).toBeDefined();
});

describe('limits.handshakesPerSecondPerLink, handshakeBurstPerLink: handshakes 1/s, burst 4, per link', () => {
  it('who sends more is cut off, and the next link is as good as any', async () => {
    const home = await household();
    const { id, link, closed } = await stranger(home, LAPTOP_ID);
    const octets = clearFrame(encodeEnvelope(zoneAnnouncement, new Uint8Array(16), id, { zone: true, gateway: id }));
    // A handshake has eight frames at most.
    for (let i = 0; i < 4 * 8; i++) link.send(octets);
    await home.clock.advance(20);
    expect(closed()).toBe(false);
    for (let i = 0; i < 2; i++) link.send(octets);
    await home.clock.advance(20);
    expect(closed()).toBe(true);
    const visitor = await home.start('visitor');
    await pairByCode(home.clock, home.laptop, visitor);
    expect(home.laptop.device.state.pairings().has(visitor.id)).toBe(true);
  });

  it('one a second is answered for as long as a link may be unproven', async () => {
    const home = await household();
    const { id, link, closed } = await stranger(home, LAPTOP_ID);
    const octets = clearFrame(encodeEnvelope(zoneAnnouncement, new Uint8Array(16), id, { zone: true, gateway: id }));
    for (let second = 0; second < 9; second++) {
      for (let i = 0; i < 8; i++) link.send(octets);
      await home.clock.advance(1_000);
    }
    expect(closed()).toBe(false);
  });
});

it('limits.pairings: 64 pairings, the 65th is refused and none of the others goes', async () => {
  const home = await household();
  const store = new MemoryStore();
  const changes = new Map();
  for (const [i, id] of named('known', 63).entries()) DeviceState.setPairing(changes, id, { kPair: new Uint8Array(32).fill(i + 1) });
  await store.commit(changes);
  const { air, clock } = home;
  const collector = await simulatedDevice('collector', { air, clock, store });
  const last = await simulatedDevice('last', { air, clock });
  await pairByCode(clock, collector, last);
  expect(collector.device.state.pairings().size).toBe(64);
  const tooMany = await simulatedDevice('one-too-many', { air, clock });
  await expect(pairByCode(clock, collector, tooMany)).rejects.toMatchObject({ code: expect.any(String) });
  await clock.advance(130_000);
  expect(collector.device.state.pairings().size).toBe(64);
  expect(collector.device.state.pairings().has(tooMany.id)).toBe(false);
  // Who is among the 64 may be paired anew.
  await pairByCode(clock, collector, last);
  expect(collector.device.linkTo(last.id)).toBeDefined();
});

describe('one pairing at a time', () => {
  it('a second window is refused, and an attempt that is held in silence gives way to an honest one', async () => {
    const home = await household();
    const { clock, laptop } = home;
    const visitor = await home.start('visitor');
    const codes: string[] = [];
    const open = (device: typeof laptop, peer?: EntityId) =>
      device.device.pairing.pair(
        { type: 'code', ...(peer && { peer }) },
        undefined,
        (event) => {
          if (event.type !== 'code') return;
          codes.push(event.code);
          clock.after(10, () => device.device.pairing.answer(event.attempt, { type: 'yes' }));
        },
        never(),
      );
    const window = open(laptop);
    await expect(open(laptop)).rejects.toMatchObject({ code: 'PairingBusy' });
    const [first, second] = [
      await stranger(home, LAPTOP_ID, 'mallory-1' as EntityId),
      await stranger(home, LAPTOP_ID, 'mallory-2' as EntityId),
    ];
    first.beginPairing();
    await clock.advance(10);
    second.beginPairing();
    await clock.advance(10);
    expect([first, second].map(({ heard }) => heard.map(numberOf))).toEqual([[pairing2.number], [refusal.number]]);
    const honest = open(visitor, LAPTOP_ID);
    expect(await clock.run(Promise.all([window, honest]))).toMatchObject([{ peer: 'visitor' }, { peer: 'laptop' }]);
    expect(codes).toHaveLength(2);
  });
});

it('1 open Setup per PNE: its second one is refused, and another PNE sets up meanwhile', async () => {
  const home = await household();
  const setup = home.board.device.networks.establish({ type: 'all' }, undefined, () => {}, never());
  await home.clock.advance(3);
  await expect(home.board.device.networks.establish({ type: 'all' }, undefined, () => {}, never())).rejects.toMatchObject({
    code: 'SetupBusy',
  });
  const hello = { version: 1, suite: 1, idPne: home.board.id, kid: '0'.repeat(16) as never, localEuKeyNeeded: 1 };
  const rest = { randPne: new Uint8Array(32), ePne: new Uint8Array(32), reqMac: new Uint8Array(16), capabilities: new Uint8Array(8) };
  // map {1: 1 (Setup), 2: 1 (1-1), 7: 1, 8: 1}
  const request = new Uint8Array([0xa4, 1, 1, 2, 1, 7, 1, 8, 1]);
  const second = abused(home).exchange.request(pnSetupRequest, { hello: { ...hello, ...rest, request } }, [pnSetupResponse], LINK, soon);
  const other = home.phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never());
  await expect(home.clock.run(second)).rejects.toMatchObject({ status: Status.Busy });
  await home.clock.run(Promise.all([setup, other]));
});

describe('limits.openPrompts, promptsPer10MinPerInitiator: prompts 1 open, 3 per 10 min and initiator', () => {
  /** Invitations of the laptop to the board, whose person is asked. */
  async function inviting() {
    const home = await household({ board: { consent: 'ask' } });
    const { consents } = home.board.device;
    let count = 0;
    const invite = async (initiator: EntityId) => {
      const link = home.laptop.device.linkTo(home.board.id);
      const invitation = { initiator, pnId: new Uint8Array(16).fill(++count) };
      void link?.exchange.request(pnSetupInvitation, invitation, [ack], LINK, soon).catch(() => undefined);
      await home.clock.advance(100);
      return consents.list().length;
    };
    const answer = () => {
      for (const { consentId } of consents.list()) consents.answer(consentId, false);
    };
    return { home, invite, answer };
  }

  it('a second question waits for the first to be answered', async () => {
    const { invite, answer } = await inviting();
    expect([await invite(PHONE_ID), await invite(LAPTOP_ID)]).toEqual([1, 1]);
    answer();
    expect(await invite(LAPTOP_ID)).toBe(1);
  });

  it('the fourth of one initiator is refused, another initiator is heard, and ten minutes later so is the first', async () => {
    const { home, invite, answer } = await inviting();
    const asked = [];
    for (let i = 0; i < 5; i++) {
      asked.push(await invite(PHONE_ID));
      answer();
    }
    expect(asked).toEqual([1, 1, 1, 0, 0]);
    expect(await invite(LAPTOP_ID)).toBe(1);
    answer();
    await home.clock.advance(600_000);
    expect(await invite(PHONE_ID)).toBe(1);
  });
});

it('limits.pns: 16 PNs, the 17th is refused and none of the others goes', async () => {
  const home = await household();
  const establish = () => establishAtPhone(home, { type: 'one-to-one' });
  for (let i = 0; i < 16; i++) {
    await establish();
    await home.clock.advance(1_000);
  }
  await expect(establish()).rejects.toMatchObject({ status: Status.Busy });
  expect(home.phone.device.state.pns()).toHaveLength(16);
  expect(home.laptop.device.state.pns()).toHaveLength(16);
  expect(home.server.database.reads.pns.list()).toHaveLength(16);
  // A PN GW that is full of the networks of others has none of its own taken away: what stands goes on.
  const [pn] = home.phone.device.state.pns();
  const message = { pnId: pnIdText(pn?.pnId as Uint8Array), to: LAPTOP_ID, channel: 'c', contentType: 't', payload: new Uint8Array(1) };
  const id = await home.phone.device.messenger.queue(message);
  expect(await home.clock.run(home.phone.device.messenger.outcome(id))).toBe(true);
});

describe('limits.mdnsNames: 256 names', () => {
  const invent = async (home: Household, count: number) => {
    for (const id of named('invented', count)) {
      await home.air.technology(id).start({ sighted: () => {}, lost: () => {}, accepted: () => {}, problem: () => {} });
      await home.clock.advance(2);
    }
  };
  const near = ({ happenings }: Household['laptop']) =>
    new Set(happenings.flatMap((what) => (what.type === 'peer-sighted' ? [what.peer] : []))).size;

  it('more are not listened to, and a paired device that comes back is found', async () => {
    const home = await household();
    await home.board.device.stop();
    await home.clock.advance(10_000);
    const others = near(home.laptop);
    await invent(home, 400);
    expect(near(home.laptop)).toBe(256 + others - 1);
    const board = await home.start('board', { store: home.board.store });
    await home.clock.advance(10_000);
    expect(board.device.linkTo(LAPTOP_ID)).toBeDefined();
  });

  it('may be set higher', async () => {
    expect(defaultSettings().limits.mdnsNames).toBe(256);
    const home = await household({ laptop: { limits: { mdnsNames: 300 } } });
    const others = near(home.laptop);
    await invent(home, 400);
    expect(near(home.laptop)).toBe(300 + others - 2);
  });
});

const numberOf = (frame: Uint8Array) => decodeEnvelope(frame.subarray(1)).number;
const pnIdBytes = (pnId: PnId) => Uint8Array.from(Buffer.from(pnId, 'hex'));
