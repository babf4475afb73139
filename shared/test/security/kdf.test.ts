import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat, EMPTY, enc, expand, extract, fromHex, hkdfExpand, nobleProvider, toHex, utf8 } from '../../src/security/index.js';

describe('enc', () => {
  it('counts the items and the octets of each', () => {
    expect(toHex(enc())).toBe('00000000');
    expect(toHex(enc('ab', EMPTY, 7, 7n))).toBe(
      ['00000004', '00000002', '6162', '00000000', '00000004', '00000007', '00000008', '0000000000000007'].join(''),
    );
  });

  const item = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    // Octets that look like lengths and counts.
    fc.array(fc.constantFrom(0, 0, 0, 1, 2, 4), { maxLength: 12 }).map((octets) => new Uint8Array(octets)),
  );
  const tuple = fc.array(item, { maxLength: 6 });

  it('gives different octets for different tuples', () => {
    fc.assert(
      fc.property(tuple, tuple, (one, other) => {
        const same = one.length === other.length && one.every((octets, i) => toHex(octets) === toHex(other[i] ?? EMPTY));
        expect(toHex(enc(...one)) === toHex(enc(...other))).toBe(same);
      }),
      { numRuns: 500 },
    );
  });

  it('can be read back in one way only', () => {
    fc.assert(
      fc.property(tuple, (items) => {
        const octets = enc(...items);
        const view = new DataView(octets.buffer);
        const read: Uint8Array[] = [];
        let at = 4;
        for (let i = 0; i < view.getUint32(0); i++) {
          const length = view.getUint32(at);
          read.push(octets.slice(at + 4, at + 4 + length));
          at += 4 + length;
        }
        expect(at).toBe(octets.length);
        expect(read).toEqual(items);
      }),
    );
  });

  it('gives different octets when items are split elsewhere or moved', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(20), fc.nat(20), (octets, i, j) => {
        const [one, other] = [Math.min(i, octets.length), Math.min(j, octets.length)];
        fc.pre(one !== other);
        const split = (at: number) => toHex(enc(octets.subarray(0, at), octets.subarray(at)));
        expect(split(one)).not.toBe(split(other));
        expect(toHex(enc(octets))).not.toBe(split(one));
      }),
    );
  });

  it('takes text as UTF-8 and numbers at their full range, and nothing else', () => {
    expect(enc('é')).toEqual(enc(utf8('é')));
    expect(enc(0xffffffff)).toEqual(enc(fromHex('ffffffff')));
    expect(enc(2n ** 64n - 1n)).toEqual(enc(fromHex('ffffffffffffffff')));
    for (const number of [-1, 2 ** 32, 1.5, Number.NaN]) expect(() => enc(number)).toThrow(expect.objectContaining({ code: 'BadNumber' }));
    for (const number of [-1n, 2n ** 64n]) expect(() => enc(number)).toThrow(expect.objectContaining({ code: 'BadNumber' }));
    expect(enc('phone', 1, 'Jürgens 手机', 2n)).toEqual(enc(utf8('phone'), 1, utf8('Jürgens 手机'), 2n));
    expect(() => enc('\ud800')).toThrow(expect.objectContaining({ code: 'BadText' }));
  });
});

describe('HKDF', () => {
  it('extracts and expands (RFC 5869 A.1 and A.2)', () => {
    const short = extract(nobleProvider, fromHex('000102030405060708090a0b0c'), new Uint8Array(22).fill(0x0b));
    expect(toHex(short)).toBe('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5');
    expect(toHex(hkdfExpand(nobleProvider, short, fromHex('f0f1f2f3f4f5f6f7f8f9'), 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
    const range = (from: number, count: number) => Uint8Array.from({ length: count }, (_, i) => from + i);
    const long = extract(nobleProvider, range(0x60, 80), range(0, 80));
    expect(toHex(hkdfExpand(nobleProvider, long, range(0xb0, 80), 82))).toBe(
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
    );
  });

  it('separates by label and by context, and takes an omitted context for an empty one', () => {
    const prk = new Uint8Array(32).fill(1);
    expect(expand(nobleProvider, prk, 'SK')).toEqual(expand(nobleProvider, prk, 'SK', ''));
    const outputs = [
      expand(nobleProvider, prk, 'SK'),
      expand(nobleProvider, prk, 'S', utf8('K')),
      expand(nobleProvider, prk, '', utf8('SK')),
    ];
    expect(new Set(outputs.map(toHex)).size).toBe(3);
    expect(expand(nobleProvider, prk, 'SK', EMPTY, 44).subarray(0, 32)).toEqual(expand(nobleProvider, prk, 'SK'));
    expect(expand(nobleProvider, new Uint8Array(16), 'hint')).toHaveLength(32);
  });

  it('refuses lengths that it cannot give', () => {
    for (const length of [-1, 0.5, 255 * 32 + 1]) {
      expect(() => hkdfExpand(nobleProvider, EMPTY, EMPTY, length)).toThrow(expect.objectContaining({ code: 'BadLength' }));
    }
    expect(hkdfExpand(nobleProvider, EMPTY, EMPTY, 0)).toEqual(EMPTY);
  });

  it('changes none of its inputs', () => {
    const [prk, ctx] = [new Uint8Array(32).fill(1), new Uint8Array(8).fill(2)];
    expand(nobleProvider, prk, 'SK', ctx, 70);
    expect(concat(prk, ctx)).toEqual(concat(new Uint8Array(32).fill(1), new Uint8Array(8).fill(2)));
  });
});
