import { type EntityId, entityId } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { BleTurns } from '../../src/entity/ble-turns.js';
import type { PeerLink } from '../../src/entity/peer-link.js';

const PEER = entityId('peer');

/** A device in that mode with one link to a peer, and why that link was ended. */
function device(own: Mode, { theirs = Mode.Unassigned as Mode, initiated = false, idle = true } = {}) {
  const clock = new VirtualClock();
  const closed: string[] = [];
  const state = { pairing: false };
  const turns = new BleTurns({
    clock,
    mode: () => own,
    modeOf: () => theirs,
    gateway: (): EntityId | undefined => undefined,
    isLinked: () => true,
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
  return { clock, closed, state, review: () => turns.review([link]) };
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
