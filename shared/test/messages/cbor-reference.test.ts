import { decode, encode } from 'cborg';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborValue, cborLength, decodeCbor, encodeCbor } from '../../src/messages/cbor.js';

/** The subset of CBOR that messages use, by another implementation: decoded, checked, encoded again and compared. */
function reference(octets: Uint8Array): unknown {
  try {
    const value: unknown = decode(octets, { useMaps: true, strict: true, allowIndefinite: false, rejectDuplicateMapKeys: true });
    return depthOf(value) <= 8 && Buffer.compare(encode(value), octets) === 0 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** How many containers lie within one another; infinitely many where something is in it that messages do not use. */
function depthOf(value: unknown): number {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0) ? 0 : Number.POSITIVE_INFINITY;
  if (typeof value === 'bigint') return value >= 0n ? 0 : Number.POSITIVE_INFINITY;
  if (typeof value === 'string' || typeof value === 'boolean' || value instanceof Uint8Array) return 0;
  if (Array.isArray(value)) return 1 + Math.max(0, ...value.map(depthOf));
  if (!(value instanceof Map) || [...value.keys()].some((key) => typeof key !== 'number' || depthOf(key) > 0))
    return Number.POSITIVE_INFINITY;
  return 1 + Math.max(0, ...[...value.values()].map(depthOf));
}

function read(octets: Uint8Array): unknown {
  try {
    return decodeCbor(octets);
  } catch {
    return undefined;
  }
}

const EDGES = [0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER];
const whole = fc.oneof(fc.constantFrom(...EDGES), fc.maxSafeNat());
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((some) => Uint8Array.from(some));
const value = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    whole,
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.boolean(),
    fc.string({ maxLength: 30, unit: 'binary' }),
    octets(300),
    fc.array(tie('value'), { maxLength: 30 }),
    fc.array(fc.tuple(whole, tie('value')), { maxLength: 30 }).map((entries) => new Map(entries)),
  ),
})).value;

/** First octets of items, so that octets often are nearly CBOR. */
const opening = fc.constantFrom(
  0x00,
  0x17,
  0x18,
  0x19,
  0x1a,
  0x1b,
  0x20,
  0x40,
  0x42,
  0x58,
  0x61,
  0x63,
  0x80,
  0x82,
  0x98,
  0xa0,
  0xa1,
  0xa2,
  0xf4,
  0xf6,
);
const nearly = fc
  .array(fc.oneof(opening, fc.nat(255), fc.constantFrom(0xef, 0xbb, 0xbf)), { maxLength: 24 })
  .map((some) => Uint8Array.from(some));
const changed = fc.tuple(value, fc.nat(), octets(3), fc.nat(3)).map(([original, at, instead, taken]) => {
  const whole = encodeCbor(original);
  const from = at % whole.length;
  return Uint8Array.from([...whole.subarray(0, from), ...instead, ...whole.subarray(from + taken)]);
});

describe('the CBOR of messages agrees with another implementation', () => {
  it('on how a value is written', () => {
    fc.assert(
      fc.property(value, (original) => {
        const octets = Uint8Array.from(encode(original));
        expect(encodeCbor(original)).toEqual(octets);
        expect(cborLength(original)).toBe(octets.length);
      }),
    );
  });

  it('on which octets are in order, and what they mean', () => {
    fc.assert(
      fc.property(fc.oneof(nearly, changed), (some) => {
        expect(read(some)).toEqual(reference(some));
      }),
      { numRuns: 5_000 },
    );
  });
});
