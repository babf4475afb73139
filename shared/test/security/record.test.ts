import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  INNER_TYPE,
  isFramed,
  MAX_CONTENT,
  MAX_PAN_RECORD,
  MAX_SK_RECORD,
  ORDERED_HEADER_LENGTH,
  paddedLength,
  readPlain,
  requireContent,
  SK_HEADER_LENGTH,
  writePlain,
} from '../../src/security/index.js';

describe('limits of a record', () => {
  it('are those of the protocol', () => {
    expect([MAX_CONTENT, MAX_PAN_RECORD, MAX_SK_RECORD]).toEqual([16_384, 16_409, 16_428]);
    expect([ORDERED_HEADER_LENGTH, SK_HEADER_LENGTH]).toEqual([8, 27]);
  });

  it('take 16,384 octets of content and not one more', () => {
    expect(() => requireContent(new Uint8Array(16_384))).not.toThrow();
    expect(() => requireContent(new Uint8Array(16_385))).toThrow(expect.objectContaining({ family: 'Internal', code: 'BadLength' }));
  });
});

describe('padding', () => {
  it.each([
    [1, 64],
    [63, 64],
    [64, 64],
    [65, 128],
    [128, 128],
    [129, 256],
    [257, 512],
    [513, 1024],
    [1025, 2048],
    [2049, 4096],
    [4097, 8192],
    [8193, 16_384],
    [16_384, 16_384],
    [16_385, 16_385],
  ])('brings %i octets of plain to %i', (plain, bucket) => {
    expect(paddedLength(plain)).toBe(bucket);
  });
});

describe('plain octets', () => {
  it('give back what was written, whatever the content ends with', () => {
    const contents = fc
      .uint8Array({ maxLength: 300 })
      .chain((content) => fc.nat(40).map((zeros) => Uint8Array.of(...content, ...new Uint8Array(zeros))));
    fc.assert(
      fc.property(contents, fc.constantFrom(...Object.values(INNER_TYPE)), fc.nat(200), (content, innerType, padding) => {
        const plain = new Uint8Array(content.length + 1 + padding).fill(0xff);
        writePlain(plain, innerType, content);
        expect(readPlain(plain)).toEqual({ innerType, content });
      }),
    );
  });

  it.each([
    ['no octets', []],
    ['zeros only', [0, 0, 0]],
    ['inner type 5', [1, 2, 5]],
    ['inner type 255', [255, 0]],
  ])('are refused when they hold %s', (_what, plain) => {
    expect(readPlain(Uint8Array.from(plain))).toBeUndefined();
  });

  it('are refused with more than 16,384 octets of content', () => {
    const plain = new Uint8Array(16_386).fill(1);
    expect(readPlain(plain)).toBeUndefined();
    expect(readPlain(plain.subarray(1))?.content.length).toBe(16_384);
  });
});

describe('framing', () => {
  const record = (length: number, type = 1, said = length - 8) => {
    const octets = new Uint8Array(length);
    octets[0] = type;
    octets[6] = said >>> 8;
    octets[7] = said;
    return octets;
  };

  it('takes records of 25 to 16,409 octets', () => {
    for (const length of [25, 26, 1_000, 16_409]) expect(isFramed(record(length), 1, 8)).toBe(true);
    for (const length of [0, 1, 7, 8, 24, 16_410, 70_000]) expect(isFramed(record(length), 1, 8)).toBe(false);
  });

  it('refuses another type and a length that is not the real one', () => {
    expect(isFramed(record(100, 2), 1, 8)).toBe(false);
    expect(isFramed(record(100, 0), 1, 8)).toBe(false);
    expect(isFramed(record(100, 1, 91), 1, 8)).toBe(false);
    expect(isFramed(record(100, 1, 93), 1, 8)).toBe(false);
  });
});
