import type { Clock, CryptoProvider, Entropy } from '@cpns/shared';
import { RotatingHint } from '@cpns/shared/security';

/** With several keys, the hint of each is advertised for so long in turn, in milliseconds; that of the first one every other time. */
const TURN_MS = 5_000;

/** The hint that this device advertises at present. */
export class OwnHints {
  readonly #clock: Clock;
  readonly #make: () => RotatingHint;
  #hints: { readonly key: Uint8Array; readonly hint: RotatingHint }[] = [];

  constructor(provider: CryptoProvider, entropy: Entropy, clock: Clock) {
    this.#clock = clock;
    this.#make = () => new RotatingHint(provider, entropy, clock);
  }

  /** The keys from now on. The hint of one that stays, stays. */
  follow(keys: readonly Uint8Array[]): void {
    const before = this.#hints;
    this.#hints = keys.map((key) => before.find((known) => isSame(known.key, key)) ?? { key: key.slice(), hint: this.#make() });
  }

  /** Undefined without a key. */
  current(): Uint8Array | undefined {
    const [first, ...others] = this.#hints;
    const turn = Math.floor(this.#clock.monotonicMs() / TURN_MS);
    const chosen = turn % 2 === 0 || others.length === 0 ? first : others[((turn - 1) / 2) % others.length];
    return chosen?.hint.current(chosen.key);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
