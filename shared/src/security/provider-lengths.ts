import { CpnsError } from '../errors.js';

/** Lengths of suite 1, in octets; both providers refuse others. */
export const AEAD_KEY_LENGTH = 32;
export const AEAD_NONCE_LENGTH = 12;
export const TAG_LENGTH = 16;
/** S2V half and CTR half. */
export const SIV_KEK_LENGTH = 64;
/** X25519 keys, Ed25519 seeds and public keys. */
export const CURVE_KEY_LENGTH = 32;

/** @throws CpnsError Internal/BadLength */
export function requireLength(what: string, octets: Uint8Array, length: number): void {
  if (octets.length !== length) throw new CpnsError('Internal', 'BadLength', `${what}: ${length} octets needed, ${octets.length} given.`);
}
