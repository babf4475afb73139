import { describe, expect, it } from 'vitest';
import type { Entropy } from '../../src/ports.js';

/** What every {@link Entropy} must do, even one that repeats itself for tests. */
export function describeEntropy(name: string, make: () => Entropy): void {
  describe(`${name} as Entropy`, () => {
    it.each([0, 1, 12, 32, 33, 64, 1000, 65_537, 300_000])('gives exactly %d octets', (length) => {
      const octets = make().bytes(length);
      expect(octets).toBeInstanceOf(Uint8Array);
      expect(octets.length).toBe(length);
    });

    it('gives arrays that own their memory, so that overwriting one hides it for good', () => {
      const entropy = make();
      const octets = entropy.bytes(32);
      expect(octets.byteOffset).toBe(0);
      expect(octets.buffer.byteLength).toBe(32);
      const second = entropy.bytes(32);
      const kept = second.slice();
      octets.fill(0);
      expect(second).toEqual(kept);
    });

    it('does not repeat itself', () => {
      const entropy = make();
      const seen = new Set<string>();
      for (let i = 0; i < 1_000; i++) seen.add(entropy.bytes(16).join(','));
      expect(seen.size).toBe(1_000);
    });

    it('is evenly spread over all octets', () => {
      const counts = new Array<number>(256).fill(0);
      for (const octet of make().bytes(256 * 400)) counts[octet] = (counts[octet] ?? 0) + 1;
      // 400 expected each, standard deviation 20: eight of them away is beyond chance.
      for (const count of counts) expect(Math.abs(count - 400)).toBeLessThan(160);
    });

    it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses to give %d octets', (length) => {
      expect(() => make().bytes(length)).toThrow(expect.objectContaining({ family: 'Internal', code: 'BadLength' }));
    });
  });
}
