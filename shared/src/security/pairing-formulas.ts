import type { CryptoProvider } from '../ports.js';
import { readU64be } from './bytes.js';
import { enc, expand, extract } from './kdf.js';
import { ENC, EXPAND, SALT } from './labels.js';
import { Secret } from './secret.js';

/** The formulas of physical pairing (security: physical pairing). No checks here: the two sides make them. */

/** What both sides of a pairing must agree on: A opened the link, B accepted. */
export interface PairingTranscript {
  readonly version: number;
  readonly suite: number;
  readonly idA: string;
  readonly idB: string;
  readonly linkType: string;
  readonly pkA: Uint8Array;
  readonly pkB: Uint8Array;
  readonly rA: Uint8Array;
  readonly rB: Uint8Array;
}

/** A's commitment, made before it sees anything of B's. */
export function pairingCommit(provider: CryptoProvider, t: Omit<PairingTranscript, 'pkB' | 'rB'>): Uint8Array {
  return provider.sha256(enc(ENC.pairCommit, t.version, t.suite, t.idA, t.idB, t.linkType, t.pkA, t.rA));
}

/** TH_P */
export function pairingTranscriptHash(provider: CryptoProvider, t: PairingTranscript): Uint8Array {
  return provider.sha256(enc(ENC.pair, t.version, t.suite, t.idA, t.idB, t.linkType, t.pkA, t.pkB, t.rA, t.rB));
}

/** PRK_P, from the X25519 result. */
export function pairingRoot(provider: CryptoProvider, dh: Uint8Array): Secret {
  return Secret.take('PRK_P', extract(provider, SALT.pairing, dh));
}

/** The six digits that two people compare. */
export function pairingCode(provider: CryptoProvider, root: Secret, th: Uint8Array): string {
  const number = readU64be(expand(provider, root.reveal(), EXPAND.sas, th, 8)) % 1_000_000n;
  return number.toString().padStart(6, '0');
}

/** t: shows that A took the link, for this run only. */
export function pairingTokenProof(provider: CryptoProvider, token: Secret, th: Uint8Array): Uint8Array {
  return provider.hmac(token.reveal(), th);
}

/** What A or B confirms with. `t` is empty in a pairing by code. */
export function pairingConfirm(provider: CryptoProvider, root: Secret, side: 'A' | 'B', th: Uint8Array, t: Uint8Array): Uint8Array {
  const key = expand(provider, root.reveal(), side === 'A' ? EXPAND.confirmA : EXPAND.confirmB, th);
  const mac = provider.hmac(key, enc(th, t));
  key.fill(0);
  return mac;
}

/** K_pair */
export function pairingKey(provider: CryptoProvider, root: Secret, th: Uint8Array): Secret {
  return Secret.take('K_pair', expand(provider, root.reveal(), EXPAND.pairKey, th));
}

/** What the text of a pairing link says of pk_B. */
export function pairingKeyHash(provider: CryptoProvider, pkB: Uint8Array): Uint8Array {
  return provider.sha256(pkB);
}
