import type { CryptoProvider, Entropy } from '../ports.js';
import { pairingKeyHash } from './pairing-formulas.js';
import { Secret } from './secret.js';
import { X25519Key } from './x25519-key.js';

export const TOKEN_LENGTH = 16;

/** What the text of a pairing link says, beside addresses and ID_B. */
export interface PairingLink {
  /** SHA-256(pk_B) */
  readonly pkHash: Uint8Array;
  /** 16 octets. */
  readonly token: Secret;
}

/** A pairing link while it is shown. Its key pair lives as long as it is shown and serves every attempt. */
export class PairingInvitation implements PairingLink {
  readonly key: X25519Key;
  readonly pkHash: Uint8Array;
  readonly token: Secret;

  constructor(provider: CryptoProvider, entropy: Entropy) {
    this.key = new X25519Key(provider, entropy, 'pairing link');
    this.token = Secret.take('pairing token', entropy.bytes(TOKEN_LENGTH));
    this.pkHash = pairingKeyHash(provider, this.key.publicValue);
  }

  /** To be called when the link is no longer shown. */
  erase(): void {
    this.key.erase();
    this.token.erase();
  }
}
