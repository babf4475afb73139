import { describe, expect, it } from 'vitest';
import { PairingInitiator, PairingResponder, pairingCommit } from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';
import {
  common,
  entropy,
  laptop,
  mallory,
  newA,
  newB,
  newInvitation,
  opened,
  outOfOrder,
  phone,
  provider,
  refused,
} from './pairing-fixture.js';
import { entropyBeginningWith, everyBitFlipped, everyLengthWrong, SMALL_ORDER_POINTS } from './two-party.js';

const invitation = newInvitation();
/** An attacker opens an honest commitment to `pkA`. It knows pk_B beforehand, from a link. */
function openedWith(pkA: Uint8Array): void {
  const rA = new Uint8Array(32).fill(9);
  const b = newB({ invitation });
  const commit = pairingCommit(provider, { version: 1, suite: 1, idA: phone, idB: laptop, linkType: 'lan', pkA, rA });
  b.answer({ version: 1, suite: 1, commit }, phone);
  b.receive({ pkA, rA }, phone);
}

describe('T22: an attacker between two devices being paired', () => {
  it('cannot alter any bit of commit, opening or confirm', () => {
    // The same two sides again and again: same nonces, same keys.
    const sides = () => ({ a: newA({ entropy: new InsecureSeededEntropy('a') }), b: newB({ entropy: new InsecureSeededEntropy('b') }) });
    const known = sides();
    const m1 = known.a.start();
    const m2 = known.b.answer(m1, phone);
    const m3 = known.a.reveal(m2, laptop);
    for (const altered of everyBitFlipped(m1)) {
      expect(() => {
        const { b } = sides();
        b.answer(altered, phone);
        b.receive(m3, phone);
      }).toThrow(refused);
    }
    for (const altered of everyBitFlipped(m3)) {
      const { b } = sides();
      b.answer(m1, phone);
      expect(() => b.receive(altered, phone)).toThrow(refused);
    }
    known.b.receive(m3, phone);
    const m4 = known.a.accept();
    for (const altered of everyBitFlipped(m4)) {
      const { b } = sides();
      b.answer(m1, phone);
      b.receive(m3, phone);
      b.accept();
      expect(() => b.confirm(altered)).toThrow(refused);
    }
    known.b.accept();
    const completion = known.b.confirm(m4);
    for (const altered of everyBitFlipped(completion?.message ?? {})) {
      const { a } = sides();
      a.start();
      a.reveal(m2, laptop);
      a.accept();
      expect(() => a.finish(altered as { confirm: Uint8Array })).toThrow(refused);
    }
  });

  it('cannot alter pk_B or r_B without other codes and failing confirms', () => {
    const sides = () => ({ a: newA({ entropy: new InsecureSeededEntropy('a') }), b: newB({ entropy: new InsecureSeededEntropy('b') }) });
    const known = sides();
    const m1 = known.a.start();
    for (const altered of everyBitFlipped(known.b.answer(m1, phone))) {
      const { a, b } = sides();
      b.answer(a.start(), phone);
      const m3 = a.reveal(altered, laptop);
      b.receive(m3, phone);
      expect(a.code).not.toBe(b.code);
      b.accept();
      expect(() => b.confirm(a.accept())).toThrow(refused);
    }
  });

  it('cannot change the length of any part', () => {
    for (const altered of everyLengthWrong(newA().start())) expect(() => newB().answer(altered, phone)).toThrow(refused);
    for (const altered of everyLengthWrong(newB().answer(newA().start(), phone))) {
      const a = newA();
      a.start();
      expect(() => a.reveal(altered, laptop)).toThrow(refused);
    }
    const known = newA();
    const [m1, b] = [known.start(), newB()];
    for (const altered of everyLengthWrong(known.reveal(b.answer(m1, phone), laptop))) {
      const again = newB();
      again.answer(m1, phone);
      expect(() => again.receive(altered, phone)).toThrow(refused);
    }
  });

  it('cannot use short nonces, even when it commits to them', () => {
    const short = () => ({ entropy: entropyBeginningWith(new Uint8Array(31), entropy) });
    expect(() => opened(newA(short()), newB())).toThrow(refused);
    expect(() => opened(newA(), newB(short()))).toThrow(refused);
  });

  it('gets different codes on the two displays, and a key with neither, when it stands in the middle', () => {
    let same = 0;
    for (let attempt = 0; attempt < 50; attempt++) {
      const [a, b] = [newA(), newB()];
      // The attacker is B towards A and A towards B, with keys of its own and the ids that each expects.
      const asB = new PairingResponder({ ...common, ownId: laptop });
      const asA = new PairingInitiator({ ...common, ownId: phone, peerId: laptop });
      const toB = asA.start();
      const fromB = b.answer(toB, phone);
      asB.receive(a.reveal(asB.answer(a.start(), phone), laptop), phone);
      b.receive(asA.reveal(fromB, laptop), phone);
      expect([asB.code, asA.code]).toEqual([a.code, b.code]);
      if (a.code === b.code) same++;
      // A person who sees two codes says no; what the attacker forwards instead does not help.
      b.accept();
      expect(() => b.confirm(a.accept())).toThrow(refused);
    }
    expect(same).toBeLessThan(2);
  });

  it('cannot open the commitment with another key, nonce or id once it has seen pk_B and r_B', () => {
    const attacker = newA();
    const m1 = attacker.start();
    const other = newA();
    other.start();
    const b = newB();
    const m2 = b.answer(m1, phone);
    const { pkA, rA } = other.reveal(m2, laptop);
    const m3 = attacker.reveal(m2, laptop);
    for (const opening of [
      { pkA, rA },
      { pkA, rA: m3.rA },
      { pkA: m3.pkA, rA },
    ]) {
      const again = newB();
      again.answer(m1, phone);
      expect(() => again.receive(opening, phone)).toThrow(refused);
    }
    expect(() => b.receive(m3, mallory)).toThrow(refused);
    const switched = newB();
    switched.answer(m1, mallory);
    expect(() => switched.receive(m3, phone)).toThrow(refused);
    const claimed = newB();
    claimed.answer(m1, mallory);
    expect(() => claimed.receive(m3, mallory)).toThrow(refused);
  });

  it('cannot use a commitment that was made for another device or another kind of link', () => {
    for (const change of [{ ownId: mallory }, { linkType: 'ble' as const }]) {
      const [a, b] = [newA(), newB(change)];
      const m3 = a.reveal(b.answer(a.start(), phone), laptop);
      expect(() => b.receive(m3, phone)).toThrow(refused);
    }
  });

  it('cannot change ID_B after the commitment', () => {
    const a = newA();
    const m2 = newB().answer(a.start(), phone);
    expect(() => a.reveal(m2, mallory)).toThrow(refused);
    expect(() => a.reveal(m2, laptop)).toThrow(outOfOrder);
  });

  it('cannot pair a device with itself, by id or by key', () => {
    expect(() => newA({ peerId: phone })).toThrow(refused);
    expect(() => newB().answer(newA().start(), laptop)).toThrow(refused);
    const a = newA({ entropy: new InsecureSeededEntropy('same') });
    const m2 = newB({ entropy: new InsecureSeededEntropy('same') }).answer(a.start(), phone);
    expect(() => a.reveal(m2, laptop)).toThrow(refused);
    expect(() => openedWith(invitation.key.publicValue)).toThrow(refused);
  });

  it('cannot use values that give a zero secret', () => {
    for (const point of SMALL_ORDER_POINTS) {
      const a = newA();
      a.start();
      expect(() => a.reveal({ pkB: point, rB: new Uint8Array(32) }, laptop)).toThrow(refused);
      expect(() => openedWith(point)).toThrow(refused);
    }
  });

  it('cannot confirm with the confirm of the other side', () => {
    const { a, b } = opened();
    const mine = a.accept();
    expect(() => a.finish(mine)).toThrow(refused);
    b.accept();
    expect(b.confirm(mine)?.message.confirm).not.toEqual(mine.confirm);
  });

  it('cannot replay a pairing that it saw', () => {
    const [a, b] = [newA(), newB()];
    const m1 = a.start();
    const m2 = b.answer(m1, phone);
    const m3 = a.reveal(m2, laptop);
    b.receive(m3, phone);
    const m4 = a.accept();
    b.accept();
    const m5 = b.confirm(m4)?.message ?? { confirm: new Uint8Array(0) };
    const later = newB();
    later.answer(m1, phone);
    later.receive(m3, phone);
    later.accept();
    expect(() => later.confirm(m4)).toThrow(refused);
    const next = newA();
    next.start();
    next.reveal(m2, laptop);
    next.accept();
    expect(() => next.finish(m5)).toThrow(refused);
  });

  it('gets a clear refusal for another version or suite', () => {
    const m1 = newA().start();
    expect(() => newB().answer({ ...m1, version: 2 }, phone)).toThrow(/another version/);
    expect(() => newB().answer({ ...m1, suite: 2 }, phone)).toThrow(/another version/);
  });
});
