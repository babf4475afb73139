import { describe, expect, it } from 'vitest';
import { pooledEntropy } from '../../src/node/system-entropy.js';

/** Fills with 1, 2, 3 .. 65,535, two octets each: no part of what it gives comes twice. */
function countingFill() {
  const filled: Uint8Array[] = [];
  let count = 0;
  const fill = (octets: Uint8Array) => {
    filled.push(octets);
    for (let i = 0; i + 1 < octets.length; i += 2) {
      count++;
      octets[i] = count >>> 8;
      octets[i + 1] = count;
    }
  };
  return { filled, fill };
}

describe('a pool of random octets', () => {
  it('hands out everything once, over refills and whatever the lengths', () => {
    const { fill } = countingFill();
    const entropy = pooledEntropy(fill);
    const seen = new Set<number>();
    for (let i = 0; i < 1_000; i++) {
      const octets = entropy.bytes([2, 12, 64, 16, 100][i % 5] as number);
      for (let at = 0; at < octets.length; at += 2) {
        const number = (octets[at] as number) * 256 + (octets[at + 1] as number);
        expect(number).toBeGreaterThan(0);
        expect(seen.has(number)).toBe(false);
        seen.add(number);
      }
    }
  });

  it('keeps nothing of what it handed out', () => {
    const { filled, fill } = countingFill();
    const entropy = pooledEntropy(fill);
    entropy.bytes(32);
    const [pool] = filled;
    expect(pool?.subarray(0, 32)).toEqual(new Uint8Array(32));
    expect(pool?.subarray(32, 34)).toEqual(Uint8Array.of(0, 17));
  });

  it('is filled for many calls at once, but not for long ones', () => {
    const { filled, fill } = countingFill();
    const entropy = pooledEntropy(fill);
    for (let i = 0; i < 64; i++) entropy.bytes(64);
    expect(filled).toHaveLength(1);
    entropy.bytes(65);
    expect(filled.map(({ length }) => length)).toEqual([4096, 65]);
  });
});
