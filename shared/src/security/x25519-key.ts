import type { CryptoProvider, Entropy } from '../ports.js';
import { CURVE_KEY_LENGTH } from './provider-lengths.js';
import { Secret } from './secret.js';

/** A fresh X25519 key pair. Whoever makes it erases it. */
export class X25519Key {
  readonly publicValue: Uint8Array;
  readonly #provider: CryptoProvider;
  readonly #privateKey: Secret;

  /** `label` says in logs what the key is for. */
  constructor(provider: CryptoProvider, entropy: Entropy, label: string) {
    this.#provider = provider;
    this.#privateKey = Secret.take(label, entropy.bytes(CURVE_KEY_LENGTH));
    this.publicValue = provider.x25519Public(this.#privateKey.reveal());
  }

  /**
   * The shared secret, which the caller erases. Undefined for a value of the wrong length, the own one reflected, or one that gives zero.
   */
  agree(peerValue: Uint8Array): Uint8Array | undefined {
    if (this.#provider.equal(peerValue, this.publicValue)) return undefined;
    return this.#provider.x25519(this.#privateKey.reveal(), peerValue);
  }

  erase(): void {
    this.#privateKey.erase();
  }
}
