import type { CryptoProvider } from '../ports.js';
import { enc, expand } from './kdf.js';
import { EXPAND } from './labels.js';
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH } from './provider-lengths.js';
import type { RecordKeys } from './record.js';

/** PNE to PN GW and back (PAN session), initiator of the link to its responder and back (link session). */
export type ChannelDirection = 'p2g' | 'g2p' | 'i2r' | 'r2i';
/** PNE (or the PN GW in its own session) to server, and back. */
export type SkDirection = 'p2s' | 's2p';

/** Name of a PAN or link session in its records, 4 octets. */
export function channelSid(provider: CryptoProvider, sk: Uint8Array, th: Uint8Array): Uint8Array {
  return expand(provider, sk, EXPAND.sid, th, 4);
}

/** Key and iv of key epoch 0. */
export function firstKeys(provider: CryptoProvider, sk: Uint8Array, th: Uint8Array, direction: ChannelDirection): RecordKeys {
  return {
    key: expand(provider, sk, EXPAND.keyPrefix + direction, th, AEAD_KEY_LENGTH),
    iv: expand(provider, sk, EXPAND.ivPrefix + direction, th, AEAD_NONCE_LENGTH),
  };
}

/** ks_0, from which the keys of all later epochs come. */
export function firstKeySource(provider: CryptoProvider, sk: Uint8Array, th: Uint8Array, direction: ChannelDirection): Uint8Array {
  return expand(provider, sk, EXPAND.keySourcePrefix + direction, th);
}

/** ks_{n+1} from ks_n. */
export function nextKeySource(provider: CryptoProvider, source: Uint8Array): Uint8Array {
  return expand(provider, source, EXPAND.update);
}

/** Key and iv of epoch n >= 1 from ks_n. */
export function laterKeys(provider: CryptoProvider, source: Uint8Array): RecordKeys {
  return {
    key: expand(provider, source, EXPAND.key, '', AEAD_KEY_LENGTH),
    iv: expand(provider, source, EXPAND.iv, '', AEAD_NONCE_LENGTH),
  };
}

/** Name of an SK channel in its records, 8 octets. */
export function skChannelSid(provider: CryptoProvider, sk: Uint8Array, th: Uint8Array): Uint8Array {
  return expand(provider, sk, EXPAND.sid, th, 8);
}

/** key||iv of the records of one sending process, 44 octets. */
export function skRecordSecret(
  provider: CryptoProvider,
  sk: Uint8Array,
  th: Uint8Array,
  direction: SkDirection,
  inst: Uint8Array,
): Uint8Array {
  return expand(provider, sk, EXPAND.recordPrefix + direction, enc(th, inst), AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH);
}

/** key||iv of 44 octets taken apart; the input is overwritten. */
export function splitKeys(secret: Uint8Array): RecordKeys {
  const keys = { key: secret.slice(0, AEAD_KEY_LENGTH), iv: secret.slice(AEAD_KEY_LENGTH) };
  secret.fill(0);
  return keys;
}

export function eraseKeys({ key, iv }: RecordKeys): void {
  key.fill(0);
  iv.fill(0);
}
