import { type EntityId, entityId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { BleTurns } from '../../src/entity/ble-turns.js';
import type { PeerLink } from '../../src/entity/peer-link.js';

const PEER = entityId('peer');

const GATEWAY = entityId('gateway');

/** A device in that mode with one link to a peer, and why that link was ended. */
function device(own: Mode, { theirs = Mode.Unassigned as Mode, initiated = false, idle = true } = {}) {
  const clock = new VirtualClock();
  const closed: string[] = [];
  const state = { pairing: false, gateway: undefined as EntityId | undefined, linked: new Set<EntityId>([PEER]), sharesPn: false };
  const turns = new BleTurns({
    clock,
    mode: () => own,
    modeOf: () => theirs,
    gateway: () => state.gateway,
    sharesPn: () => state.sharesPn,
    isLinked: (peer) => state.linked.has(peer),
    isPairing: () => state.pairing,
    missed: () => {},
  });
  const link = {
    technology: 'ble',
    peer: PEER,
    initiated,
    provenAtMs: clock.monotonicMs(),
    exchange: { isIdle: idle },
    close: (reason: string) => void closed.push(reason),
  } as unknown as PeerLink;
  return { clock, closed, state, turns, link, review: () => turns.review([link]) };
}

describe('a device that is being paired while another one is connected to it', () => {
  it.each([
    ['a PNE', Mode.Pne, Mode.PnGw],
    ['a device without a role', Mode.Unassigned, Mode.Unassigned],
  ])('%s gives up the link, once that has settled', async (_who, own, theirs) => {
    const { clock, closed, state, review } = device(own, { theirs });
    await clock.advance(10_000);
    review();
    expect(closed).toEqual([]);
    state.pairing = true;
    review();
    expect(closed).toEqual(['its place is for the device that this one is being paired with']);
  });

  it('keeps a link that has only just come, one that is in use, and those that it has opened itself', async () => {
    const young = device(Mode.Pne, { theirs: Mode.PnGw });
    const busy = device(Mode.Pne, { theirs: Mode.PnGw, idle: false });
    const own = device(Mode.PnGw, { theirs: Mode.Pne, initiated: true });
    for (const { state } of [young, busy, own]) state.pairing = true;
    await young.clock.advance(1_999);
    await busy.clock.advance(10_000);
    await own.clock.advance(10_000);
    for (const { review } of [young, busy, own]) review();
    expect([young, busy, own].map(({ closed }) => closed)).toEqual([[], [], []]);
  });
});

describe('a PNE whose PN GW is not linked', () => {
  it.each([
    ['a device without a role', Mode.Unassigned],
    ['another PNE', Mode.Pne],
    ['another PN GW', Mode.PnGw],
  ])('frees its place of %s after 10 s', async (_who, theirs) => {
    const { clock, closed, state, review } = device(Mode.Pne, { theirs });
    state.gateway = GATEWAY;
    await clock.advance(9_999);
    review();
    expect(closed).toEqual([]);
    await clock.advance(1);
    review();
    expect(closed).toEqual(['its place is for the PN GW']);
  });

  it('keeps the link of another PN GW in whose PN it is, too, and any while its PN GW is linked over another technology', async () => {
    const member = device(Mode.Pne, { theirs: Mode.PnGw });
    Object.assign(member.state, { gateway: GATEWAY, sharesPn: true });
    const linked = device(Mode.Pne, { theirs: Mode.PnGw });
    Object.assign(linked.state, { gateway: GATEWAY, linked: new Set([PEER, GATEWAY]) });
    for (const { clock, review } of [member, linked]) {
      await clock.advance(60_000);
      review();
    }
    expect([member.closed, linked.closed]).toEqual([[], []]);
  });

  it('ends a link that it has opened to another PN GW: it is not heard meanwhile', async () => {
    const { clock, closed, state, review } = device(Mode.Pne, { theirs: Mode.PnGw, initiated: true });
    state.gateway = GATEWAY;
    await clock.advance(2_000);
    review();
    expect(closed).toEqual(['over Bluetooth a PNE has a link with its PN GW alone']);
  });
});

describe('a PNE that is free', () => {
  it('is left to its PN GW for 35 s, anew after each link and each time that it comes near', async () => {
    const { clock, turns, link } = device(Mode.PnGw);
    const isLeft = async () => {
      expect(turns.mayCall(PEER, Mode.Pne)).toBe(false);
      await clock.advance(34_999);
      expect(turns.mayCall(PEER, Mode.Pne)).toBe(false);
      await clock.advance(1);
      expect(turns.mayCall(PEER, Mode.Pne)).toBe(true);
    };
    await isLeft();
    turns.ended(link, PEER);
    await isLeft();
    turns.lost(PEER);
    await isLeft();
    expect(turns.mayCall(PEER, Mode.Unassigned)).toBe(true);
    await isLeft();
  });

  it('is called at once by the PN GW in whose PN it is, by the one that turns its link round, and by anybody when it has no role', async () => {
    const own = device(Mode.PnGw);
    own.state.sharesPn = true;
    expect(own.turns.mayCall(PEER, Mode.Pne)).toBe(true);
    const turning = device(Mode.PnGw, { theirs: Mode.Pne });
    expect(turning.turns.ended(turning.link, PEER)).toBe(true);
    expect(turning.turns.mayCall(PEER, Mode.Pne)).toBe(true);
    expect(device(Mode.PnGw).turns.mayCall(PEER, Mode.Unassigned)).toBe(true);
  });
});
