import { pnIdText } from '@cpns/agent';
import type { EntityId } from '@cpns/shared';
import { capabilitiesExchange, clearFrame, encodeEnvelope, link1, pairing1, zoneAnnouncement } from '@cpns/shared/messages';
import { RECORD_TYPE } from '@cpns/shared/security';
import { flipBit } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { disagreements } from '../../rigs/simulation/invariants/violations.js';
import { establishAtPhone, type Household, household, LAPTOP_ID, logged, PHONE_ID } from './household.js';
import { Liar } from './liar.js';
import { stranger } from './stranger.js';

const between = (one: EntityId, other: EntityId, from: EntityId, to: EntityId) =>
  (one === from && other === to) || (one === to && other === from);

/** A PN of phone and laptop, and how often the two were linked. */
async function established() {
  const home = await household();
  const { record } = await establishAtPhone(home, { type: 'one-to-one' });
  await home.clock.advance(1_000);
  const links = () => home.air.links.filter(({ from, to }) => between(PHONE_ID, LAPTOP_ID, from, to)).length;
  return { home, pnId: pnIdText(record.pnId), links, first: home.laptop.device.linkTo(PHONE_ID) };
}

/** The link was closed at once; later both are linked again, protected, and nobody lost anything. */
async function expectRecovery({ home, pnId, first }: Awaited<ReturnType<typeof established>>) {
  expect(first?.signal.aborted).toBe(true);
  await home.clock.advance(20_000);
  expect(home.phone.device.linkTo(LAPTOP_ID)?.hasPan(pnId)).toBe(true);
  expect(disagreements({ server: home.server, devices: [home.laptop, home.phone, home.board] })).toEqual([]);
}

/** Does something to the next frame from the phone to the laptop whose first octet is `type`. */
function once({ air }: Household, type: number, tamper: (octets: Uint8Array) => Uint8Array | Uint8Array[]) {
  let done = false;
  air.hook = ({ from, octets }) => {
    if (done || from !== PHONE_ID || octets[0] !== type) return octets;
    done = true;
    return tamper(octets);
  };
}

describe('a proven link', () => {
  it.each([
    ['a broken frame', () => new Uint8Array([0x77, 1, 2, 3])],
    ['an empty frame', () => new Uint8Array(0)],
    ['an oversized frame', () => new Uint8Array(100_000).fill(RECORD_TYPE.link)],
    ['a cut record', (octets: Uint8Array) => octets.slice(0, 20)],
    ['an altered record', (octets: Uint8Array) => flipBit(octets, octets.length * 8 - 1)],
    ['a record with an altered header', (octets: Uint8Array) => flipBit(octets, 5 * 8)],
    ['a lost record', () => []],
  ])('is closed by %s and set up anew', async (_name, tamper) => {
    const stage = await established();
    once(stage.home, RECORD_TYPE.link, tamper);
    await stage.home.clock.advance(4_100);
    await expectRecovery(stage);
  });

  it('is closed by a record that came before', async () => {
    const stage = await established();
    once(stage.home, RECORD_TYPE.link, (octets) => [octets, octets]);
    await stage.home.clock.advance(4_100);
    await expectRecovery(stage);
  });

  it('is closed by records in another order', async () => {
    const stage = await established();
    let kept: Uint8Array | undefined;
    once(stage.home, RECORD_TYPE.link, (octets) => {
      kept = octets;
      once(stage.home, RECORD_TYPE.link, (next) => [next, kept as Uint8Array]);
      return [];
    });
    await stage.home.clock.advance(4_100);
    await expectRecovery(stage);
  });

  it('is closed by an altered record of its PAN session', async () => {
    const stage = await established();
    once(stage.home, RECORD_TYPE.pan, (octets) => flipBit(octets, octets.length * 8 - 3));
    await stage.home.phone.device.messenger.queue({
      pnId: stage.pnId,
      to: LAPTOP_ID,
      channel: 'c',
      contentType: 't',
      payload: new Uint8Array(1),
    });
    await stage.home.clock.advance(10);
    await expectRecovery(stage);
    expect(stage.home.laptop.received).toHaveLength(1);
  });

  it('is set up anew at most once a second, however often it is broken', async () => {
    const { home, links } = await established();
    const before = links();
    home.air.hook = ({ from, octets }) => (from === PHONE_ID && octets[0] === RECORD_TYPE.link ? flipBit(octets, 99) : octets);
    await home.clock.advance(30_000);
    const tries = links() - before;
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThanOrEqual(31);
    home.air.hook = ({ octets }) => octets;
    await home.clock.advance(40_000);
    expect(home.phone.device.linkTo(LAPTOP_ID)).toBeDefined();
  });

  it('is closed by a message in the name of another sender', async () => {
    const liar = new Liar();
    const home = await household({ phone: { provider: liar.provider } });
    const link = home.laptop.device.linkTo(PHONE_ID);
    liar.lie = (told) => {
      if (told.number === capabilitiesExchange.number) told.sender = 'bread';
    };
    home.phone.device.factsChanged({
      mains: true,
      batteryPercent: 100,
      cores: 4,
      memoryMiB: 1,
      networks: [],
      ui: true,
      zone: false,
      canRoute: true,
      preference: 0,
      name: 'x',
    });
    await home.clock.advance(100);
    expect(link?.signal.aborted).toBe(true);
    expect(logged(home.laptop, 'WrongSender')).toBe(true);
  });

  it('takes no clear frame any more', async () => {
    const { home, links } = await established();
    const before = links();
    const { pair } = home.air.links.find(({ from, to }) => between(PHONE_ID, LAPTOP_ID, from, to)) as Household['air']['links'][number];
    const transaction = new Uint8Array(16);
    const nonces = { nI: new Uint8Array(32), eI: new Uint8Array(32), find: new Uint8Array(8) };
    for (const envelope of [
      encodeEnvelope(link1, transaction, '', { version: 1, suite: 1, ...nonces }),
      encodeEnvelope(pairing1, transaction, PHONE_ID, { version: 1, suite: 1, commit: new Uint8Array(32) }),
      encodeEnvelope(zoneAnnouncement, transaction, PHONE_ID, { zone: true, gateway: PHONE_ID }),
    ]) {
      pair.initiator.send(clearFrame(envelope));
      pair.responder.send(clearFrame(envelope));
    }
    await home.clock.advance(5_000);
    expect(links()).toBe(before);
    expect(home.laptop.device.state.pairings().size).toBe(2);
  });
});

describe('a link to a stranger', () => {
  it('is refused when it does not know a K_pair', async () => {
    const home = await household();
    const { link, closed, heard } = await stranger(home, LAPTOP_ID);
    const envelope = encodeEnvelope(link1, new Uint8Array(16), '', {
      version: 1,
      suite: 1,
      nI: new Uint8Array(32).fill(1),
      eI: new Uint8Array(32).fill(9),
      find: new Uint8Array(8),
    });
    link.send(clearFrame(envelope));
    await home.clock.advance(100);
    expect(closed()).toBe(true);
    // A refusal, that says nothing, and no Link 2.
    expect(heard).toHaveLength(1);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
  });

  it('is closed when it proves nothing in time', async () => {
    const home = await household();
    const { closed } = await stranger(home, LAPTOP_ID);
    await home.clock.advance(9_900);
    expect(closed()).toBe(false);
    await home.clock.advance(200);
    expect(closed()).toBe(true);
  });

  it.each([
    ['garbage', () => new Uint8Array(64).fill(0x55)],
    ['records', () => new Uint8Array(64).fill(RECORD_TYPE.link)],
    ['envelopes that cannot be read', () => clearFrame(new Uint8Array(64).fill(0xff))],
    ['an envelope that is too long', () => clearFrame(new Uint8Array(20_000).fill(0x40))],
    [
      'handshakes',
      () =>
        clearFrame(
          encodeEnvelope(pairing1, new Uint8Array(16), 'stranger' as EntityId, { version: 1, suite: 1, commit: new Uint8Array(32) }),
        ),
    ],
  ])('is closed when it is flooded with %s', async (_name, frame) => {
    const home = await household();
    const { link, closed } = await stranger(home, LAPTOP_ID);
    for (let i = 0; i < 100; i++) link.send(frame());
    await home.clock.advance(100);
    expect(closed()).toBe(true);
    expect(home.laptop.device.linkedPeers()).toHaveLength(2);
  });
});
