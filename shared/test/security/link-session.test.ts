import { describe, expect, it, vi } from 'vitest';
import { entityId } from '../../src/ids.js';
import { linkMacs, linkSessionKey, linkTranscriptHash, MAX_PAIRED_KEYS, type PairedPeer } from '../../src/security/index.js';
import { InsecureSeededEntropy } from '../../src/testing/index.js';
import { refusal } from './channel-fixture.js';
import { board, entropy, expectSameSession, kPair, laptop, newI, newR, phone, provider, run } from './link-fixture.js';
import { entropyBeginningWith, everyBitFlipped, everyLengthWrong, KeyWatch, SMALL_ORDER_POINTS } from './two-party.js';

const failed = refusal('LinkRefused');
const outOfOrder = expect.objectContaining({ family: 'Internal', code: 'OutOfOrder' });

describe('link session', () => {
  it('proves each side to the other and gives them one session', () => {
    const { atI, atR } = run();
    expect([atI.peer.id, atR.peer.id]).toEqual([laptop, phone]);
    expectSameSession(atI, atR);
  });

  it('finds the peer among 64 keys, and says which of its keys was used', () => {
    const fresh: PairedPeer = { id: phone, kPair: kPair(1) };
    const others = Array.from({ length: 62 }, (_, at) => ({ id: entityId(`peer-${at}`), kPair: kPair(100 + at) }));
    const { atR } = run(newI(), newR({ peers: [...others, { id: phone, kPair: kPair(9) }, fresh] }));
    expect(atR.peer).toBe(fresh);
    expect(fresh.kPair.erased).toBe(false);
  });

  it('takes no more than 96 keys', () => {
    const peers = Array.from({ length: MAX_PAIRED_KEYS + 1 }, (_, at) => ({ id: phone, kPair: kPair(at) }));
    expect(() => newR({ peers: peers.slice(1) })).not.toThrow();
    expect(() => newR({ peers })).toThrow(expect.objectContaining({ family: 'Internal', code: 'TooManyPairings' }));
  });

  it('answers nothing to a device that is not paired', () => {
    expect(() => newR({ peers: [] }).answer(newI().start())).toThrow(failed);
    expect(() => newR({ peers: [{ id: phone, kPair: kPair(2) }] }).answer(newI().start())).toThrow(failed);
  });

  it.each([
    ['another peer than the one expected', { peer: { id: board, kPair: kPair(1) } }],
    ['another own id than the one paired', { ownId: board }],
    ['another kind of link', { linkType: 'ble' as const }],
  ])('fails with %s', (_what, change) => {
    const [i, r] = [newI(change), newR()];
    expect(() => i.verify(r.answer(i.start()))).toThrow(failed);
    expect(() => r.verify({ macI: new Uint8Array(32) })).toThrow(failed);
  });

  it('goes step by step, each step once', () => {
    const [i, r] = [newI(), newR()];
    expect(() => i.verify({ nR: new Uint8Array(32), eR: new Uint8Array(32), macR: new Uint8Array(32) })).toThrow(outOfOrder);
    expect(() => r.verify({ macI: new Uint8Array(32) })).toThrow(outOfOrder);
    const first = i.start();
    expect(() => i.start()).toThrow(outOfOrder);
    const second = r.answer(first);
    expect(() => r.answer(first)).toThrow(outOfOrder);
    const { message } = i.verify(second);
    expect(() => i.verify(second)).toThrow(outOfOrder);
    r.verify(message);
    expect(() => r.verify(message)).toThrow(outOfOrder);
  });

  it('leaves no X25519 key behind, whether it succeeds, fails or is aborted', () => {
    const watch = { provider: new KeyWatch(provider) };
    run(newI(watch), newR(watch));
    const [i, r] = [newI(watch), newR({ ...watch, peers: [] })];
    expect(() => r.answer(i.start())).toThrow(failed);
    i.abort();
    expect([watch.provider.privateKeys.length, watch.provider.leftOver]).toEqual([4, 0]);
  });
});

describe('an attacker on the link', () => {
  it('cannot alter any bit of any message', () => {
    // The same two sides again and again: same nonces, same keys.
    const sides = () => ({ i: newI({ entropy: new InsecureSeededEntropy('i') }), r: newR({ entropy: new InsecureSeededEntropy('r') }) });
    const m1 = sides().i.start();
    for (const altered of everyBitFlipped(m1)) {
      const { i, r } = sides();
      i.start();
      expect(() => i.verify(r.answer(altered))).toThrow(failed);
    }
    for (const altered of everyBitFlipped(sides().r.answer(m1))) {
      const { i } = sides();
      i.start();
      expect(() => i.verify(altered)).toThrow(failed);
    }
    const { i, r } = sides();
    const m2 = r.answer(i.start());
    const { message } = i.verify(m2);
    for (const altered of everyBitFlipped(message)) {
      const again = sides().r;
      again.answer(m1);
      expect(() => again.verify(altered)).toThrow(failed);
    }
    expect(r.verify(message).peer.id).toBe(phone);
  });

  it('cannot change the length of any part', () => {
    for (const altered of everyLengthWrong(newI().start())) expect(() => newR().answer(altered)).toThrow(failed);
    const known = newI();
    for (const altered of everyLengthWrong(newR().answer(known.start()))) {
      const i = newI();
      i.start();
      expect(() => i.verify(altered)).toThrow(failed);
    }
    for (const length of [0, 31, 33]) {
      const r = newR();
      r.answer(newI().start());
      expect(() => r.verify({ macI: new Uint8Array(length) })).toThrow(failed);
    }
  });

  it('cannot use a short nonce or the nonce of the other side, even with K_pair', () => {
    const own = entropy.bytes(32);
    for (const nonce of [own.slice(1), own]) {
      const ownNonce = () => ({ entropy: entropyBeginningWith(own, entropy) });
      const oddNonce = () => ({ entropy: entropyBeginningWith(nonce, entropy) });
      expect(() => newR(ownNonce()).answer(newI(oddNonce()).start())).toThrow(failed);
      const i = newI(ownNonce());
      const m1 = i.start();
      // R itself plays false here: it proves what I computes.
      const y = entropy.bytes(32);
      const eR = provider.x25519Public(y);
      const th = linkTranscriptHash(provider, { ...m1, nR: nonce, eR, idI: phone, idR: laptop, linkType: 'lan' });
      const dh = provider.x25519(y, m1.eI) ?? new Uint8Array(0);
      const { macR } = linkMacs(provider, linkSessionKey(provider, kPair(1), { nI: m1.nI, nR: nonce }, dh, th), th);
      const m2 = { nR: nonce, eR, macR };
      expect(() => i.verify(m2)).toThrow(failed);
    }
  });

  it('costs R no HMAC with a nonce of another length', () => {
    const hmac = vi.fn(provider.hmac);
    for (const nI of [new Uint8Array(31), new Uint8Array(1_000_000)]) {
      expect(() => newR({ provider: { ...provider, hmac } }).answer({ ...newI().start(), nI })).toThrow(failed);
    }
    expect(hmac).not.toHaveBeenCalled();
  });

  it('cannot use values that give a zero secret', () => {
    for (const point of SMALL_ORDER_POINTS) {
      expect(() => newR().answer({ ...newI().start(), eI: point })).toThrow(failed);
      const i = newI();
      const m2 = newR().answer(i.start());
      expect(() => i.verify({ ...m2, eR: point })).toThrow(failed);
    }
  });

  it('cannot make a device talk to itself (T7)', () => {
    const mirror = newI();
    const m1 = mirror.start();
    // The phone as R has the same key for the laptop and finds it; the ids in the transcript tell the two roles apart.
    const m2 = newR({ ownId: phone, peers: [{ id: laptop, kPair: kPair(1) }] }).answer(m1);
    expect(() => mirror.verify(m2)).toThrow(failed);
    const own = newI();
    expect(() => own.verify({ nR: own.start().nI, eR: m2.eR, macR: m2.macR })).toThrow(failed);
    const value = newI();
    expect(() => value.verify({ nR: m2.nR, eR: value.start().eI, macR: m2.macR })).toThrow(failed);
    expect(() => newR({ peers: [{ id: laptop, kPair: kPair(1) }] }).answer(newI().start())).toThrow(failed);
  });

  it('cannot prove itself with the proof of the other side', () => {
    const [i, r] = [newI(), newR()];
    const { macR } = r.answer(i.start());
    expect(() => r.verify({ macI: macR })).toThrow(failed);
  });

  it('gets no answer for another version or suite', () => {
    const m1 = newI().start();
    expect(() => newR().answer({ ...m1, version: 2 })).toThrow(failed);
    expect(() => newR().answer({ ...m1, suite: 0 })).toThrow(failed);
  });

  it('cannot replay a message of an earlier run (T6)', () => {
    const [i, r] = [newI(), newR()];
    const m1 = i.start();
    const m2 = r.answer(m1);
    const { message } = i.verify(m2);
    const later = newR();
    later.answer(m1);
    expect(() => later.verify(message)).toThrow(failed);
    const next = newI();
    next.start();
    expect(() => next.verify(m2)).toThrow(failed);
  });
});
