import { randomFillSync } from 'node:crypto';
import { CpnsError } from '../errors.js';
import type { Entropy } from '../ports.js';

const POOL_OCTETS = 4096;
/** Keys, nonces and ids are shorter; what is longer is filled by itself. */
const MOST_FROM_POOL = 64;

/**
 * Draws from `fill` in large amounts, since a call costs far more than the octets. What was handed out is at once overwritten in the
 * pool, so that a later look at memory does not find it there.
 *
 * No two processes or threads share a pool: a worker thread loads modules of its own, and a child of Node begins as a new program. A clone
 * of a whole machine repeats what is left of the pool, as it repeats what OpenSSL's generator behind `randomFillSync` gives next, which is
 * kept in memory too.
 */
export function pooledEntropy(fill: (octets: Uint8Array) => void): Entropy {
  const pool = new Uint8Array(POOL_OCTETS);
  let used = POOL_OCTETS;
  return {
    bytes(length) {
      if (!Number.isSafeInteger(length) || length < 0)
        throw new CpnsError('Internal', 'BadLength', 'A number of octets must be a whole number.');
      if (length > MOST_FROM_POOL) {
        const octets = new Uint8Array(length);
        fill(octets);
        return octets;
      }
      if (used + length > POOL_OCTETS) {
        fill(pool);
        used = 0;
      }
      const octets = pool.slice(used, used + length);
      pool.fill(0, used, used + length);
      used += length;
      return octets;
    },
  };
}

/** Random octets of the operating system. */
export const systemEntropy: Entropy = pooledEntropy(randomFillSync);
