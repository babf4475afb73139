import { type CryptoProvider, entityId } from '@cpns/shared';
import { bleHint, nobleProvider } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { HintResolver } from '../../../src/pan/ble/hint-resolver.js';

const MOST_REMEMBERED = 1_024;
const peer = entityId('dev-b');
const key = new Uint8Array(16).fill(2);
const other = new Uint8Array(16).fill(3);
const hintOf = (of: Uint8Array, n = 0) => bleHint(nobleProvider, of, Uint8Array.of(n >> 16, n >> 8, n));

/** A resolver that knows `peer`, and how many keys it has tried. */
function counting() {
  const clock = new VirtualClock();
  let tried = 0;
  const provider: CryptoProvider = {
    ...nobleProvider,
    equal(a, b) {
      tried++;
      return nobleProvider.equal(a, b);
    },
  };
  const resolver = new HintResolver(provider, clock);
  resolver.follow(new Map([[peer, [key]]]));
  return { clock, resolver, tried: () => tried };
}

describe('HintResolver', () => {
  it('resolves under every key of a device, and what is computed is computed once', () => {
    const { resolver, tried } = counting();
    resolver.follow(new Map([[peer, [other, key]]]));
    for (let again = 0; again < 5; again++) {
      expect(resolver.resolve(hintOf(key))).toBe(peer);
      expect(resolver.resolve(hintOf(new Uint8Array(16).fill(9)))).toBeUndefined();
    }
    expect(tried()).toBe(4);
  });

  it('forgets its answers with the keys', () => {
    const { resolver } = counting();
    expect([resolver.resolve(hintOf(key)), resolver.resolve(hintOf(other))]).toEqual([peer, undefined]);
    resolver.follow(new Map([[peer, [other]]]));
    expect([resolver.resolve(hintOf(key)), resolver.resolve(hintOf(other))]).toEqual([undefined, peer]);
    expect([resolver.isPeer(peer), resolver.isPeer(entityId('dev-c')), resolver.hasPeers]).toEqual([true, false, true]);
  });

  it('remembers a bounded number of answers, the latest', async () => {
    const { clock, resolver, tried } = counting();
    for (let n = 0; n <= MOST_REMEMBERED; n++) {
      resolver.resolve(hintOf(other, n));
      await clock.advance(1_000);
    }
    const before = tried();
    resolver.resolve(hintOf(other, MOST_REMEMBERED));
    expect(tried()).toBe(before);
    resolver.resolve(hintOf(other, 0));
    expect(tried()).toBe(before + 1);
  });

  it('looks at nothing while it has no key', () => {
    const { resolver, tried } = counting();
    resolver.follow(new Map());
    expect(resolver.resolve(hintOf(key))).toBeUndefined();
    expect(tried()).toBe(0);
  });
});
