import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityId } from '../../../src/ids.js';
import {
  LinkInitiator,
  type LinkMessage1,
  type LinkMessage2,
  type LinkMessage3,
  type LinkResponder,
  type LinkSession,
  linkMacs,
  linkSessionKey,
  linkTranscriptHash,
} from '../../../src/security/index.js';
import { board, expectSameSession, kPair, laptop, newI, newR, phone, provider, run } from '../link-fixture.js';

describe('link.pv', () => {
  it('K0 reachable: both ends finish; also in both directions under one key', () => {
    const { atI, atR } = run();
    const back = run(
      newI({ ownId: laptop, peer: { id: phone, kPair: kPair(1) } }),
      newR({ ownId: phone, peers: [{ id: laptop, kPair: kPair(1) }] }),
    );
    expectSameSession(atI, atR);
    expectSameSession(back.atI, back.atR);
  });

  it('K1 SK_K secret at I, K2 SK_K secret at R: who learns K_pair later and saw everything lacks the X25519 secret, and so SK_K', () => {
    const [i, r] = [newI(), newR()];
    const m1 = i.start();
    const m2 = r.answer(m1);
    const th = linkTranscriptHash(provider, { ...m1, ...m2, idI: phone, idR: laptop, linkType: 'lan' });
    for (const guess of [new Uint8Array(0), new Uint8Array(32), m1.eI, m2.eR]) {
      const sk = linkSessionKey(provider, kPair(1), { ...m1, ...m2 }, guess, th);
      expect(linkMacs(provider, sk, th).macR).not.toEqual(m2.macR);
    }
    expect(i.verify(m2).session.channel.closed).toBe(false);
  });

  it('K3 I agrees with R, K4 R agrees with I, K5 one session, one view: whatever is forwarded, dropped, swapped or replayed, who accepts shares its session with the named peer, once, in the other role', () => {
    let accepted = 0;
    const moves = fc.record({ to: fc.nat(5), pick: fc.oneof({ weight: 4, arbitrary: fc.nat(3) }, fc.nat(20)) });
    fc.assert(
      fc.property(fc.array(moves, { minLength: 8, maxLength: 50 }), (schedule) => {
        const all = [phone, laptop, board];
        // The key of two devices, whichever of them asks.
        const known = (a: EntityId, b: EntityId) => kPair(2 ** all.indexOf(a) + 2 ** all.indexOf(b));
        const paired = (own: EntityId) => all.filter((id) => id !== own).map((id) => ({ id, kPair: known(own, id) }));
        const i = (
          [
            [phone, laptop],
            [laptop, phone],
            [board, laptop],
          ] as const
        ).map(([ownId, id]) => ({
          ownId,
          side: newI({ ownId, peer: { id, kPair: known(ownId, id) } }),
        }));
        const r = [laptop, phone, laptop].map((ownId) => ({ ownId, side: newR({ ownId, peers: paired(ownId) }) }));
        const wire: Sent[] = i.map(({ side }) => ({ one: side.start() }));
        const done: { own: EntityId; role: 'I' | 'R'; session: LinkSession }[] = [];
        for (const { to, pick } of schedule) {
          const message = wire[wire.length - 1 - (pick % wire.length)] as Sent;
          try {
            const { own, role, session } = deliver([...i, ...r][to] as Party, message, wire);
            if (session !== undefined) done.push({ own, role, session });
          } catch (error) {
            expect(error).toMatchObject({ name: 'CpnsError' });
          }
        }
        accepted += done.filter(({ role }) => role === 'R').length;
        for (const one of done) {
          const others = done.filter((other) => other !== one && String(other.session.channel.sid) === String(one.session.channel.sid));
          // I may be the last to speak; R accepts only what some I has accepted before.
          expect(others.length).toBe(one.role === 'R' ? 1 : others.length === 0 ? 0 : 1);
          for (const other of others) {
            expect(other.role).not.toBe(one.role);
            expect([other.own, other.session.peer.id]).toEqual([one.session.peer.id, one.own]);
            if (one.role === 'I') expectSameSession(one.session, other.session);
          }
        }
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(accepted).toBeGreaterThan(20);
  });
});

/** A message on the attacker's wire, by its place in the handshake. */
interface Sent {
  readonly one?: LinkMessage1;
  readonly two?: LinkMessage2;
  readonly three?: LinkMessage3;
}

interface Party {
  readonly ownId: EntityId;
  readonly side: LinkInitiator | LinkResponder;
}

/** Gives a message to a party, if it is of a kind that the party waits for. */
function deliver({ ownId: own, side }: Party, { one, two, three }: Sent, wire: Sent[]) {
  if (side instanceof LinkInitiator) {
    if (two === undefined) return { own, role: 'I' as const, session: undefined };
    const { message, session } = side.verify(two);
    wire.push({ three: message });
    return { own, role: 'I' as const, session };
  }
  if (one !== undefined) wire.push({ two: side.answer(one) });
  return { own, role: 'R' as const, session: three === undefined ? undefined : side.verify(three) };
}
