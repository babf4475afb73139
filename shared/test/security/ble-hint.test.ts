import { describe, expect, it } from 'vitest';
import { entityId } from '../../src/index.js';
import { bleHint, matchesBleHint, nobleProvider, pairAdvertisingKey, toHex } from '../../src/security/index.js';
import { flipped } from './channel-fixture.js';

const kAdv = new Uint8Array(16).fill(3);
const p = Uint8Array.of(1, 2, 3);

describe('BLE hint', () => {
  it('is 6 octets that begin with p and change with it', () => {
    const hint = bleHint(nobleProvider, kAdv, p);
    expect(hint.length).toBe(6);
    expect(hint.slice(0, 3)).toEqual(p);
    expect(bleHint(nobleProvider, kAdv, Uint8Array.of(1, 2, 4)).slice(3)).not.toEqual(hint.slice(3));
  });

  it('fits only the device whose key made it', () => {
    const hint = bleHint(nobleProvider, kAdv, p);
    expect(matchesBleHint(nobleProvider, kAdv, hint)).toBe(true);
    expect(matchesBleHint(nobleProvider, new Uint8Array(16).fill(4), hint)).toBe(false);
    for (let at = 0; at < hint.length; at++) expect(matchesBleHint(nobleProvider, kAdv, flipped(hint, at, 0))).toBe(false);
  });

  it('takes a hint of another length for nobody', () => {
    const hint = bleHint(nobleProvider, kAdv, p);
    for (let length = 0; length < 6; length++) expect(matchesBleHint(nobleProvider, kAdv, hint.slice(0, length))).toBe(false);
    expect(matchesBleHint(nobleProvider, kAdv, Uint8Array.of(...hint, 0))).toBe(false);
  });

  it('refuses keys and prefixes of another length', () => {
    const badLength = expect.objectContaining({ family: 'Internal', code: 'BadLength' });
    expect(() => bleHint(nobleProvider, kAdv.slice(1), p)).toThrow(badLength);
    expect(() => bleHint(nobleProvider, kAdv, p.slice(1))).toThrow(badLength);
  });
});

describe('advertising key of a pair', () => {
  const kPair = new Uint8Array(32).fill(5);
  const key = pairAdvertisingKey(nobleProvider, kPair, entityId('laptop'));

  it('makes hints that the two resolve, and tells who of them advertises', () => {
    const hint = bleHint(nobleProvider, key, p);
    expect(matchesBleHint(nobleProvider, pairAdvertisingKey(nobleProvider, kPair, entityId('laptop')), hint)).toBe(true);
    expect(matchesBleHint(nobleProvider, pairAdvertisingKey(nobleProvider, kPair, entityId('phone')), hint)).toBe(false);
    expect(matchesBleHint(nobleProvider, pairAdvertisingKey(nobleProvider, flipped(kPair, 0, 0), entityId('laptop')), hint)).toBe(false);
  });

  it('stays the same', () => {
    expect(toHex(key)).toBe('61d31dabb38da7da098f48ab359bbc1e');
    expect(() => pairAdvertisingKey(nobleProvider, kPair.slice(1), entityId('laptop'))).toThrow(
      expect.objectContaining({ code: 'BadLength' }),
    );
  });
});
