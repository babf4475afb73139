import { describe, expect, it } from 'vitest';
import { type PairingResult, Secret } from '../../src/security/index.js';
import {
  expectSameKey,
  laptop,
  mallory,
  newA,
  newB,
  newInvitation,
  opened,
  outOfOrder,
  paired,
  phone,
  provider,
  refused,
} from './pairing-fixture.js';
import { KeyWatch } from './two-party.js';

describe('pairing by code', () => {
  it('shows the same six digits on both sides and leaves one K_pair', () => {
    const { a, b } = opened();
    expect(a.code).toMatch(/^[0-9]{6}$/);
    expect(b.code).toBe(a.code);
    const { atA, atB } = paired(a, b);
    expect([atA.peer, atB.peer]).toEqual([laptop, phone]);
    expectSameKey(atA, atB);
  });

  it('shows other digits and leaves another key every time', () => {
    const runs = Array.from({ length: 5 }, () => opened());
    expect(new Set(runs.map(({ a }) => a.code)).size).toBe(5);
    const keys = runs.map(({ a, b }) => String(paired(a, b).atA.kPair.reveal()));
    expect(new Set(keys).size).toBe(5);
  });

  it('completes at B with whichever comes last: its own yes or the confirm of A', () => {
    const early = opened();
    expect(early.b.confirm(early.a.accept())).toBeUndefined();
    const completion = early.b.accept();
    expectSameKey(early.a.finish(completion?.message ?? { confirm: new Uint8Array(0) }), completion?.result as PairingResult);
    const late = opened();
    expect(late.b.accept()).toBeUndefined();
    expect(late.b.confirm(late.a.accept())?.result.peer).toBe(phone);
  });

  it('has no code before everything is on the table, and none after the end', () => {
    const [a, b] = [newA(), newB()];
    const second = b.answer(a.start(), phone);
    expect([a.code, b.code]).toEqual([undefined, undefined]);
    b.receive(a.reveal(second, laptop), phone);
    a.abort();
    b.abort();
    expect([a.code, b.code]).toEqual([undefined, undefined]);
  });

  it('gives nobody a key when one person says no', () => {
    const noAtB = opened();
    expect(noAtB.b.confirm(noAtB.a.accept())).toBeUndefined();
    noAtB.b.abort();
    expect(() => noAtB.b.accept()).toThrow(outOfOrder);
    expect(() => noAtB.a.finish({ confirm: new Uint8Array(32) })).toThrow(refused);
    const noAtA = opened();
    noAtA.b.accept();
    noAtA.a.abort();
    expect(() => noAtA.a.accept()).toThrow(outOfOrder);
    expect(() => noAtA.b.confirm({ confirm: new Uint8Array(32) })).toThrow(refused);
  });

  it('goes step by step, each step once', () => {
    const [a, b] = [newA(), newB()];
    const anything = new Uint8Array(32);
    expect(() => a.reveal({ pkB: anything, rB: anything }, laptop)).toThrow(outOfOrder);
    expect(() => a.accept()).toThrow(outOfOrder);
    expect(() => a.finish({ confirm: anything })).toThrow(outOfOrder);
    expect(() => b.receive({ pkA: anything, rA: anything }, phone)).toThrow(outOfOrder);
    expect(() => b.accept()).toThrow(outOfOrder);
    expect(() => b.confirm({ confirm: anything })).toThrow(outOfOrder);
    const first = a.start();
    expect(() => a.start()).toThrow(outOfOrder);
    const second = b.answer(first, phone);
    expect(() => b.answer(first, phone)).toThrow(outOfOrder);
    const third = a.reveal(second, laptop);
    expect(() => a.reveal(second, laptop)).toThrow(outOfOrder);
    expect(() => a.finish({ confirm: anything })).toThrow(outOfOrder);
    b.receive(third, phone);
    expect(() => b.receive(third, phone)).toThrow(outOfOrder);
    const confirm = a.accept();
    expect(() => a.accept()).toThrow(outOfOrder);
    expect(b.confirm(confirm)).toBeUndefined();
    expect(() => b.confirm(confirm)).toThrow(outOfOrder);
    b.accept();
    expect(() => b.accept()).toThrow(outOfOrder);
  });

  it('leaves no private key behind, whether it succeeds, fails or is aborted', () => {
    const watch = { provider: new KeyWatch(provider) };
    const success = opened(newA(watch), newB(watch));
    paired(success.a, success.b);
    const [a, b] = [newA(watch), newB(watch)];
    const second = b.answer(a.start(), phone);
    expect(() => a.reveal(second, mallory)).toThrow(refused);
    b.abort();
    expect([watch.provider.privateKeys.length, watch.provider.leftOver]).toEqual([4, 0]);
  });
});

describe('pairing by link', () => {
  it('needs no code and no yes of a person at B', () => {
    const invitation = newInvitation();
    const { pkHash, token } = invitation;
    const { a, b } = opened(newA({ link: { pkHash, token } }), newB({ invitation }));
    expect([a.code, b.code]).toEqual([undefined, undefined]);
    const completion = b.confirm(a.accept());
    expectSameKey(a.finish(completion?.message ?? { confirm: new Uint8Array(0) }), completion?.result as PairingResult);
  });

  it('serves several attempts with one link, and leaves its keys alone', () => {
    const invitation = newInvitation();
    const failedAttempt = newB({ invitation });
    failedAttempt.answer(newA().start(), phone);
    failedAttempt.abort();
    const { a, b } = opened(newA({ link: invitation }), newB({ invitation }));
    expect(b.confirm(a.accept())).toBeDefined();
    expect([invitation.token.erased, invitation.token.length]).toEqual([false, 16]);
    invitation.erase();
    expect(invitation.token.erased).toBe(true);
  });

  it('refuses a device that does not show this link', () => {
    expect(() => opened(newA({ link: newInvitation() }), newB())).toThrow(refused);
    expect(() => opened(newA({ link: newInvitation() }), newB({ invitation: newInvitation() }))).toThrow(refused);
  });

  it('refuses a wrong token, on both sides', () => {
    const invitation = newInvitation();
    const link = { pkHash: invitation.pkHash, token: new Secret('guess', new Uint8Array(16)) };
    const { a, b } = opened(newA({ link }), newB({ invitation }));
    expect(() => b.confirm(a.accept())).toThrow(refused);
    expect(() => a.finish({ confirm: new Uint8Array(32) })).toThrow(refused);
  });

  it('refuses a token where the other side has none', () => {
    const invitation = newInvitation();
    const showsLink = opened(newA(), newB({ invitation }));
    expect(() => showsLink.b.confirm(showsLink.a.accept())).toThrow(refused);
  });
});
