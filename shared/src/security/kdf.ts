import { CpnsError } from '../errors.js';
import type { CryptoProvider } from '../ports.js';
import { concat, EMPTY, u32be, u64be, utf8 } from './bytes.js';
import { CONTEXT } from './labels.js';

/** Text enters as UTF-8, a number as u32, a bigint as u64 (both big-endian). */
export type EncItem = string | Uint8Array | number | bigint;

function octetsOf(item: EncItem): Uint8Array {
  if (typeof item === 'string') return utf8(item);
  if (typeof item === 'number') return u32be(item);
  if (typeof item === 'bigint') return u64be(item);
  return item;
}

/** `u32be(n) || for each item: u32be(length) || octets`. Injective: no two different tuples of octets give the same result. */
export function enc(...items: readonly EncItem[]): Uint8Array {
  const octets = items.map(octetsOf);
  let length = 4;
  for (const item of octets) length += 4 + item.length;
  const result = new Uint8Array(length);
  const view = new DataView(result.buffer);
  view.setUint32(0, octets.length);
  let at = 4;
  for (const item of octets) {
    view.setUint32(at, item.length);
    result.set(item, at + 4);
    at += 4 + item.length;
  }
  return result;
}

/** HKDF-Extract (RFC 5869 section 2.2): HMAC-SHA-256 with `salt` as key. */
export function extract(provider: CryptoProvider, salt: Uint8Array | string, ikm: Uint8Array): Uint8Array {
  return provider.hmac(typeof salt === 'string' ? utf8(salt) : salt, ikm);
}

const HASH_OCTETS = 32;
const MOST_OCTETS = 255 * HASH_OCTETS;

/** HKDF-Expand (RFC 5869 section 2.3) with any info. `prk` may have any length. */
export function hkdfExpand(provider: CryptoProvider, prk: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (!Number.isInteger(length) || length < 0 || length > MOST_OCTETS) {
    throw new CpnsError('Internal', 'BadLength', `HKDF-SHA-256 gives 0 to ${MOST_OCTETS} octets.`);
  }
  const result = new Uint8Array(length);
  let block: Uint8Array = EMPTY;
  for (let at = 0, count = 1; at < length; at += HASH_OCTETS, count++) {
    const message = concat(block, info, new Uint8Array([count]));
    block.fill(0);
    block = provider.hmac(prk, message);
    message.fill(0);
    result.set(block.subarray(0, Math.min(HASH_OCTETS, length - at)), at);
  }
  block.fill(0);
  return result;
}

/** `HKDF-Expand(prk, enc("CPNS-1", label, ctx), length)`; an omitted ctx is empty. */
export function expand(
  provider: CryptoProvider,
  prk: Uint8Array,
  label: string,
  ctx: Uint8Array | string = EMPTY,
  length = HASH_OCTETS,
): Uint8Array {
  return hkdfExpand(provider, prk, enc(CONTEXT, label, ctx), length);
}
