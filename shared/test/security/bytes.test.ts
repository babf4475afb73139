import fc from 'fast-check';
import { expect, it } from 'vitest';
import { concat, copyOf, fromHex, nonceFor, readU64be, toHex, u32be, u64be, utf8 } from '../../src/security/index.js';

it('joins octets', () => {
  expect(concat()).toEqual(new Uint8Array(0));
  expect(concat(new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3]))).toEqual(new Uint8Array([1, 2, 3]));
});

it('writes and reads hex', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
      expect(fromHex(toHex(octets))).toEqual(octets);
    }),
  );
  for (const text of ['0', 'AB', '0g', ' 00', '00\n', '0x00']) {
    expect(() => fromHex(text)).toThrow(expect.objectContaining({ family: 'Codec', code: 'BadHex' }));
  }
});

it('writes integers big-endian', () => {
  expect(toHex(u32be(0x01020304))).toBe('01020304');
  expect(toHex(u32be(0xffffffff))).toBe('ffffffff');
  expect(toHex(u64be(2n ** 32n))).toBe('0000000100000000');
  fc.assert(
    fc.property(fc.bigInt(0n, 2n ** 64n - 1n), (value) => {
      expect(readU64be(concat(u32be(0), u64be(value)), 4)).toBe(value);
    }),
  );
});

it('makes UTF-8 of whole text only', () => {
  expect(toHex(utf8('aé€😀'))).toBe('61c3a9e282acf09f9880');
  for (const text of ['\ud83d', 'a\ude00', '\ud83d\ud83d', '\ude00\ud83d']) {
    expect(() => utf8(text)).toThrow(expect.objectContaining({ family: 'Codec', code: 'BadText' }));
  }
});

it('makes a nonce of iv and sequence number, and leaves the iv as it is', () => {
  const iv = fromHex('0d716611ce44ed20b9506bd5');
  expect(toHex(nonceFor(iv, 0n))).toBe('0d716611ce44ed20b9506bd5');
  expect(toHex(nonceFor(iv, 2n ** 64n - 1n))).toBe('0d71661131bb12df46af942a');
  expect(toHex(iv)).toBe('0d716611ce44ed20b9506bd5');
});

it('copies into an allocation of its own, Buffers too', () => {
  const buffer = Buffer.from([1, 2, 3]);
  const copy = copyOf(buffer);
  buffer.fill(9);
  expect(copy).toEqual(new Uint8Array([1, 2, 3]));
});
