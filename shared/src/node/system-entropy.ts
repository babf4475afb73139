import { randomFillSync } from 'node:crypto';
import { CpnsError } from '../errors.js';
import type { Entropy } from '../ports.js';

/** Random octets of the operating system. */
export const systemEntropy: Entropy = {
  bytes(length) {
    if (!Number.isSafeInteger(length) || length < 0)
      throw new CpnsError('Internal', 'BadLength', 'A number of octets must be a whole number.');
    return randomFillSync(new Uint8Array(length));
  },
};
