import { sha256 } from '@noble/hashes/sha2.js';
import { CpnsError } from '../errors.js';
import type { Entropy } from '../ports.js';

/** Whatever a test names its stream by. */
export type Seed = string | number | Uint8Array;

/** The same octets for the same seed: SHA-256(SHA-256(seed) || counter). Everybody can know them; never outside tests. */
export class InsecureSeededEntropy implements Entropy {
  readonly #seed: Uint8Array;
  #counter = 0;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(seed: Seed) {
    this.#seed = sha256(typeof seed === 'object' ? seed : new TextEncoder().encode(`${typeof seed}:${seed}`));
  }

  bytes(length: number): Uint8Array {
    if (!Number.isSafeInteger(length) || length < 0)
      throw new CpnsError('Internal', 'BadLength', 'A number of octets must be a whole number.');
    const octets = new Uint8Array(length);
    for (let filled = 0; filled < length; ) {
      if (this.#rest.length === 0) this.#rest = this.#block();
      const part = this.#rest.subarray(0, length - filled);
      octets.set(part, filled);
      this.#rest = this.#rest.subarray(part.length);
      filled += part.length;
    }
    return octets;
  }

  /** An independent stream that depends on the seed and `name` only, not on how much was drawn: one for each device of a test. */
  fork(name: string): InsecureSeededEntropy {
    const label = new TextEncoder().encode(`fork:${name}`);
    const seed = new Uint8Array(this.#seed.length + label.length);
    seed.set(this.#seed);
    seed.set(label, this.#seed.length);
    return new InsecureSeededEntropy(sha256(seed));
  }

  #block(): Uint8Array {
    const input = new Uint8Array(this.#seed.length + 8);
    input.set(this.#seed);
    new DataView(input.buffer).setBigUint64(this.#seed.length, BigInt(this.#counter++));
    return sha256(input);
  }
}
