import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CborValue, decodeCbor, encodeCbor } from '../../src/messages/cbor.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const refused = (octets: Uint8Array, why: RegExp) => expect(() => decodeCbor(octets)).toThrow(why);

const leaf: fc.Arbitrary<CborValue> = fc.oneof(
  fc.nat(),
  fc.boolean(),
  fc.string({ maxLength: 20 }),
  fc.uint8Array({ maxLength: 40 }).map((octets) => Uint8Array.from(octets)),
);
const value = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .uniqueArray(fc.tuple(fc.nat({ max: 100_000 }), tie('value')), { maxLength: 4, selector: ([key]) => key })
      .map((entries) => new Map([...entries].sort(([a], [b]) => a - b))),
  ),
})).value;

describe('deterministic CBOR', () => {
  it('gives back what was encoded', () => {
    fc.assert(
      fc.property(value, (original) => {
        expect(decodeCbor(encodeCbor(original))).toEqual(original);
      }),
    );
  });

  it('accepts only the one encoding of a value: any changed octet gives another value or none', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.integer({ min: 1, max: 255 }), (original, at, change) => {
        const octets = Uint8Array.from(encodeCbor(original));
        const i = at % octets.length;
        octets[i] = (octets[i] as number) ^ change;
        let other: CborValue | undefined;
        try {
          other = decodeCbor(octets);
        } catch {
          return;
        }
        expect(other).not.toEqual(original);
      }),
    );
  });

  it.each([
    ['a number that is longer than needed', '1817', /deterministic/],
    ['map keys out of order', 'a202010101', /deterministic/],
    ['a key twice', 'a201010102', /deterministic/],
    ['a float', 'f93c00', /floats/],
    ['null', 'f6', /special/],
    ['undefined', 'f7', /special/],
    ['a negative number', '20', /negative/],
    ['a tag', 'c001', /tags/],
    ['an indefinite array', '9fff', /indefinite/],
    ['an indefinite string', '7fff', /indefinite/],
    ['a reserved length', '1c', /reserved/],
    ['a string that is cut off', '4301', /cut off/],
    ['a length that is cut off', '59', /cut off/],
    ['an array that promises more than there is', '9b000000ffffffffff01', /cut off/],
    ['octets after the end', '0101', /after|follow/],
    ['a key that is no number', 'a1616101', /no number/],
    ['a key of 2^53', 'a11b002000000000000001', /too large/],
    ['half of a surrogate pair', '63eda080', /not UTF-8/],
    ['nothing', '', /cut off/],
    ['text that is not UTF-8', '62c328', /not UTF-8/],
  ])('refuses %s', (_what, octets, why) => refused(hex(octets), why));

  it('refuses 9 levels and accepts 8', () => {
    const nested = (depth: number) => Uint8Array.from([...Array(depth).fill(0x81), 0x01]);
    expect(() => decodeCbor(nested(8))).not.toThrow();
    refused(nested(9), /nested deeper/);
  });

  it('survives any number of nested arrays, and refuses more than 4,096 items', () => {
    refused(new Uint8Array(60_000).fill(0x81), /nested deeper/);
    refused(Uint8Array.from([0x99, 0x10, 0x00, ...Array(4096).fill(0)]), /more than 4096/);
  });

  it('never throws anything but a CpnsError on random octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (octets) => {
        try {
          decodeCbor(Uint8Array.from(octets));
        } catch (error) {
          expect(error).toMatchObject({ name: 'CpnsError', family: 'Codec' });
        }
      }),
    );
  });
});
