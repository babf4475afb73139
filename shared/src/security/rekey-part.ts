import type { CryptoProvider } from '../ports.js';
import { enc } from './kdf.js';
import { ENC } from './labels.js';
import type { Secret } from './secret.js';

/** Most octets of one part of a rekey. */
export const REKEY_PART_MAX = 12_288;

/**
 * The server's signature over one part of a rekey, 64 octets. Without it, every member could forge a rekey for those below a node
 * whose key it holds (security: group keys).
 */
export function signRekeyPart(provider: CryptoProvider, seed: Secret, part: Uint8Array): Uint8Array {
  return provider.ed25519Sign(seed.reveal(), enc(ENC.rekey, part));
}

/** Each part is verified alone, before it is parsed. False too for a part that is too large. */
export function verifyRekeyPart(provider: CryptoProvider, publicKey: Uint8Array, part: Uint8Array, signature: Uint8Array): boolean {
  return part.length <= REKEY_PART_MAX && provider.ed25519Verify(publicKey, enc(ENC.rekey, part), signature);
}
