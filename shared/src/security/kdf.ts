import { CpnsError } from '../errors.js';
import type { CryptoProvider } from '../ports.js';
import { concat, EMPTY, isAscii, requireU32, utf8, writeU32be, writeU64be } from './bytes.js';
import { CONTEXT } from './labels.js';

/** Text enters as UTF-8, a number as u32, a bigint as u64 (both big-endian). */
export type EncItem = string | Uint8Array | number | bigint;

/** `u32be(n) || for each item: u32be(length) || octets`. Injective: no two different tuples of octets give the same result. */
export function enc(...items: readonly EncItem[]): Uint8Array {
  // Nearly all text in formulas is ASCII, whose units are its octets; every formula comes through here.
  if (items.some((item) => typeof item === 'string' && !isAscii(item))) {
    return enc(...items.map((item) => (typeof item === 'string' ? utf8(item) : item)));
  }
  let length = 4;
  for (const item of items) length += 4 + lengthOf(item);
  const result = new Uint8Array(length);
  writeU32be(result, 0, items.length);
  let at = 4;
  for (const item of items) {
    writeU32be(result, at, lengthOf(item));
    write(result, at + 4, item);
    at += 4 + lengthOf(item);
  }
  return result;
}

/** Of text in ASCII. */
function lengthOf(item: EncItem): number {
  if (typeof item === 'number') return 4;
  return typeof item === 'bigint' ? 8 : item.length;
}

/** Text is in ASCII. @throws CpnsError Internal/BadNumber */
function write(octets: Uint8Array, at: number, item: EncItem): void {
  if (typeof item === 'string') for (let i = 0; i < item.length; i++) octets[at + i] = item.charCodeAt(i);
  else if (typeof item === 'bigint') writeU64be(octets, at, item);
  else if (typeof item === 'number') {
    requireU32(item);
    writeU32be(octets, at, item);
  } else octets.set(item, at);
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
