import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EntityId } from '../../../src/ids.js';
import {
  type PairingConfirm,
  type PairingInitiator,
  type PairingMessage1,
  type PairingMessage2,
  type PairingMessage3,
  type PairingResponder,
  type PairingResult,
  Secret,
} from '../../../src/security/index.js';
import { expectSameKey, laptop, mallory, newA, newB, newInvitation, opened, paired, phone, refused } from '../pairing-fixture.js';

describe('pairing.pv', () => {
  it('C0 reachable: both sides finish, by code and by link', () => {
    const byCode = opened();
    const { atA, atB } = paired(byCode.a, byCode.b);
    expectSameKey(atA, atB);
    const invitation = newInvitation();
    const byLink = opened(newA({ link: invitation }), newB({ invitation }));
    expect(byLink.b.confirm(byLink.a.accept())).toBeDefined();
  });

  it('C1 K_pair secret at A, C2 K_pair secret at B, C3 A agrees with B, C4 B agrees with A: whatever is forwarded, dropped, swapped or replayed, people who compare codes pair exactly the devices in their hands', () => {
    let pairs = 0;
    const moves = fc.record({
      to: fc.constantFrom(0, 0, 0, 1, 2, 2, 2, 3),
      pick: fc.oneof({ weight: 6, arbitrary: fc.nat(1) }, fc.nat(20)),
    });
    fc.assert(
      fc.property(fc.array(moves, { minLength: 15, maxLength: 60 }), (schedule) => {
        const as = [newA(), newA({ ownId: mallory })];
        const bs = [newB(), newB()];
        const wire: Sent[] = as.map((a) => ({ one: a.start() }));
        const atA: PairingResult[] = [];
        const atB: PairingResult[] = [];
        const saidYes = new Set<object>();
        for (const { to, pick } of schedule) {
          const message = wire[wire.length - 1 - (pick % wire.length)] as Sent;
          // What an envelope says of its sender is the attacker's to choose.
          const sender = pick % 7 === 6 ? mallory : phone;
          try {
            if (to < 2) toA(as[to] as PairingInitiator, message, wire, atA);
            else toB(bs[to - 2] as PairingResponder, message, sender, wire, atB);
          } catch (error) {
            expect(error).toMatchObject({ name: 'CpnsError' });
          }
          // The two people hold the first of each; a code that is not on both displays gets no yes.
          const [a, b] = [as[0] as PairingInitiator, bs[0] as PairingResponder];
          if (a.code === undefined || a.code !== b.code || saidYes.has(a)) continue;
          saidYes.add(a);
          wire.push({ four: a.accept() });
          b.accept();
        }
        pairs += atA.length;
        expect([atA.length <= 1, atB.length <= 1]).toEqual([true, true]);
        for (const result of atB) expect(result.peer).toBe(phone);
        for (const result of atA) expectSameKey(result, atB[0] as PairingResult);
      }),
      { numRuns: 400, seed: 2 },
    );
    expect(pairs).toBeGreaterThan(5);
  });

  it('C5 K_pair secret at A by link, C7 A agrees with B by link: a token learnt before does not help against A, for pk_B is bound', () => {
    const { token, pkHash } = newInvitation();
    const a = newA({ link: { pkHash, token } });
    const thief = newB();
    const m2 = thief.answer(a.start(), phone);
    expect(() => a.reveal(m2, laptop)).toThrow(refused);
  });

  it('C6 K_pair secret at B by link, C8 B agrees with A by link: without the token a man in the middle cannot confirm to B', () => {
    const invitation = newInvitation();
    const thief = newA({ link: { pkHash: invitation.pkHash, token: new Secret('unknown', new Uint8Array(16).fill(1)) } });
    const b = newB({ invitation });
    b.receive(thief.reveal(b.answer(thief.start(), phone), laptop), phone);
    expect(() => b.confirm(thief.accept())).toThrow(refused);
  });
});

/** A message on the attacker's wire, by its place in the pairing. */
interface Sent {
  readonly one?: PairingMessage1;
  readonly two?: PairingMessage2;
  readonly three?: PairingMessage3;
  readonly four?: PairingConfirm;
  readonly five?: PairingConfirm;
}

function toA(a: PairingInitiator, { two, five }: Sent, wire: Sent[], atA: PairingResult[]): void {
  if (two !== undefined) wire.push({ three: a.reveal(two, laptop) });
  if (five !== undefined) atA.push(a.finish(five));
}

function toB(b: PairingResponder, { one, three, four }: Sent, sender: EntityId, wire: Sent[], atB: PairingResult[]): void {
  if (one !== undefined) wire.push({ two: b.answer(one, sender) });
  if (three !== undefined) b.receive(three, sender);
  if (four === undefined) return;
  const completion = b.confirm(four);
  if (completion === undefined) return;
  wire.push({ five: completion.message });
  atB.push(completion.result);
}
