import type { CryptoProvider } from '../ports.js';
import { concat } from './bytes.js';
import { enc, expand, extract } from './kdf.js';
import { ENC, EXPAND } from './labels.js';
import { Secret } from './secret.js';

/** The formulas of the link session (security: link session). No checks here: the two sides make them. */

/** Octets of `find`. */
export const FIND_LENGTH = 8;

/** What both sides of a link must agree on: I opened it, R accepted. */
export interface LinkTranscript {
  readonly version: number;
  readonly suite: number;
  readonly idI: string;
  readonly idR: string;
  readonly linkType: string;
  readonly nI: Uint8Array;
  readonly nR: Uint8Array;
  readonly eI: Uint8Array;
  readonly eR: Uint8Array;
}

/** Lets R find the K_pair without I telling who it is. */
export function linkFind(provider: CryptoProvider, kPair: Secret, nI: Uint8Array): Uint8Array {
  const key = expand(provider, kPair.reveal(), EXPAND.find);
  const mac = provider.hmac(key, nI);
  key.fill(0);
  return mac.slice(0, FIND_LENGTH);
}

/** TH_K */
export function linkTranscriptHash(provider: CryptoProvider, t: LinkTranscript): Uint8Array {
  return provider.sha256(enc(ENC.linkTranscript, t.version, t.suite, t.idI, t.idR, t.linkType, t.nI, t.nR, t.eI, t.eR));
}

/** SK_K */
export function linkSessionKey(
  provider: CryptoProvider,
  kPair: Secret,
  { nI, nR }: Pick<LinkTranscript, 'nI' | 'nR'>,
  dh: Uint8Array,
  th: Uint8Array,
): Secret {
  const ikm = enc(kPair.reveal(), dh);
  const prk = extract(provider, concat(nI, nR), ikm);
  ikm.fill(0);
  const sk = Secret.take('SK_K', expand(provider, prk, EXPAND.skLink, th));
  prk.fill(0);
  return sk;
}

/** mac_R and mac_I: keys and inputs differ by role, so that neither can be reflected. */
export function linkMacs(provider: CryptoProvider, sk: Secret, th: Uint8Array): { macR: Uint8Array; macI: Uint8Array } {
  const keyR = expand(provider, sk.reveal(), EXPAND.helloR, th);
  const keyI = expand(provider, sk.reveal(), EXPAND.helloI, th);
  const macR = provider.hmac(keyR, th);
  const macI = provider.hmac(keyI, enc(th, macR));
  keyR.fill(0);
  keyI.fill(0);
  return { macR, macI };
}
