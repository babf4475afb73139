import { createHmac } from 'node:crypto';
import type { CryptoProvider } from '../../../src/ports.js';
import { nobleProvider, toHex } from '../../../src/security/index.js';

/** What a wrap holds, and what opens it. */
export interface Sealed {
  readonly kek: string;
  readonly aad: string;
  readonly plain: Uint8Array;
}

/**
 * Wraps that give nothing away by construction, and know what they hold; signatures always verify. Everything else is real. So a search
 * of all that was ever sent costs milliseconds, and still goes by the octets of keys.
 */
export class IdealProvider {
  readonly #sealed = new Map<string, Sealed>();
  readonly provider: CryptoProvider = {
    ...nobleProvider,
    name: 'ideal',
    hmac: (key, message) => new Uint8Array(createHmac('sha256', key).update(message).digest()),
    wrap: (kek, aad, plain) => {
      const wrapped = new Uint8Array(48);
      new DataView(wrapped.buffer).setUint32(0, this.#sealed.size);
      this.#sealed.set(toHex(wrapped), { kek: toHex(kek), aad: toHex(aad), plain: plain.slice() });
      return wrapped;
    },
    unwrap: (kek, aad, wrapped) => {
      const sealed = this.#sealed.get(toHex(wrapped));
      return sealed?.kek === toHex(kek) && sealed.aad === toHex(aad) ? sealed.plain.slice() : undefined;
    },
    ed25519Signer: () => () => new Uint8Array(64),
    ed25519Verify: () => true,
  };

  look(wrapped: Uint8Array): Sealed {
    const sealed = this.#sealed.get(toHex(wrapped));
    if (sealed === undefined) throw new Error('never wrapped');
    return sealed;
  }
}
