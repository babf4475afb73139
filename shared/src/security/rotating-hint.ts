import type { Clock, CryptoProvider, Entropy } from '../ports.js';
import { bleHint } from './ble-hint.js';

/** A prefix serves so long, in milliseconds; then the hint looks like another device's. */
export const HINT_PERIOD_MS = 900_000;
const P_LENGTH = 3;

/** The hint that a device advertises at present. */
export class RotatingHint {
  readonly #provider: CryptoProvider;
  readonly #entropy: Entropy;
  readonly #clock: Clock;
  #hint: Uint8Array | undefined;
  #kAdv: Uint8Array | undefined;
  #sinceMs = 0;

  constructor(provider: CryptoProvider, entropy: Entropy, clock: Clock) {
    this.#provider = provider;
    this.#entropy = entropy;
    this.#clock = clock;
  }

  /** 6 octets, new after {@link HINT_PERIOD_MS} and for another key. `kAdv`: the own advertising key, 16 octets. @throws CpnsError Internal/BadLength */
  current(kAdv: Uint8Array): Uint8Array {
    const nowMs = this.#clock.monotonicMs();
    const sameKey = this.#kAdv !== undefined && this.#provider.equal(this.#kAdv, kAdv);
    if (this.#hint === undefined || !sameKey || nowMs - this.#sinceMs >= HINT_PERIOD_MS) {
      this.#hint = bleHint(this.#provider, kAdv, this.#entropy.bytes(P_LENGTH));
      this.#kAdv = kAdv.slice();
      this.#sinceMs = nowMs;
    }
    return this.#hint;
  }
}
