import { hash } from 'node:crypto';

/** Octets that SHA-256 takes at a time, and gives. */
const HASH_BLOCK = 64;
const HASH_LENGTH = 32;
/** Formulas are short; a longer message gets an allocation of its own. */
const inner = Buffer.alloc(HASH_BLOCK + 512);
const outer = Buffer.alloc(HASH_BLOCK + HASH_LENGTH);

/**
 * HMAC-SHA-256 (RFC 2104) as the two hashes it is made of: a `Hmac` of Node is a stream with a native object behind it, which costs more
 * than hashing a short message and is left to the garbage collector with the key inside.
 */
export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  const short = key.length <= HASH_BLOCK ? key : hash('sha256', key, 'buffer');
  const length = HASH_BLOCK + message.length;
  const first = length <= inner.length ? inner.subarray(0, length) : Buffer.alloc(length);
  first.fill(0x36, short.length, HASH_BLOCK);
  outer.fill(0x5c, short.length, HASH_BLOCK);
  for (let i = 0; i < short.length; i++) {
    first[i] = (short[i] as number) ^ 0x36;
    outer[i] = (short[i] as number) ^ 0x5c;
  }
  first.set(message, HASH_BLOCK);
  outer.set(hash('sha256', first, 'buffer'), HASH_BLOCK);
  const tag = hash('sha256', outer, 'buffer');
  if (short !== key) short.fill(0);
  first.fill(0);
  outer.fill(0);
  return new Uint8Array(tag.buffer, tag.byteOffset, tag.length);
}
