import type { CryptoProvider } from '../ports.js';
import { concat } from './bytes.js';
import { enc, expand, extract } from './kdf.js';
import { ENC, EXPAND } from './labels.js';
import { Secret } from './secret.js';

/** The formulas of the PAN handshake (security: PNE and PN GW). No checks here: the two sides make them. */

/** What both sides of a PAN handshake must agree on. */
export interface PanTranscript {
  /** hdr of the run that made the LocalEUKey, in octets. */
  readonly header: Uint8Array;
  readonly linkType: string;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
  readonly ePneLocal: Uint8Array;
  readonly eGwLocal: Uint8Array;
}

/** TH_L */
export function panTranscriptHash(provider: CryptoProvider, t: PanTranscript): Uint8Array {
  return provider.sha256(enc(ENC.localTranscript, t.header, t.linkType, t.a, t.b, t.ePneLocal, t.eGwLocal));
}

/** SK_L. `dh` is mandatory on this hop. */
export function panSessionKey(
  provider: CryptoProvider,
  localEuKey: Secret,
  { a, b }: Pick<PanTranscript, 'a' | 'b'>,
  dh: Uint8Array,
  th: Uint8Array,
): Secret {
  const ikm = enc(localEuKey.reveal(), dh);
  const prk = extract(provider, concat(a, b), ikm);
  ikm.fill(0);
  const sk = Secret.take('SK_L', expand(provider, prk, EXPAND.skLocal, th));
  prk.fill(0);
  return sk;
}

/** hash_PNE_L and hash_PNGW: keys and inputs differ by role, so that neither can be reflected. */
export function panHashes(
  provider: CryptoProvider,
  localEuKey: Secret,
  sk: Secret,
  th: Uint8Array,
): { hashPneL: Uint8Array; hashPnGw: Uint8Array } {
  const ck = extract(provider, sk.reveal(), localEuKey.reveal());
  const keyPne = expand(provider, ck, EXPAND.hashPne, th);
  const keyGateway = expand(provider, ck, EXPAND.hashGateway, th);
  const hashPneL = provider.hmac(keyPne, th);
  const hashPnGw = provider.hmac(keyGateway, enc(th, hashPneL));
  for (const key of [ck, keyPne, keyGateway]) key.fill(0);
  return { hashPneL, hashPnGw };
}
