import { type Cipher, createCipheriv, createDecipheriv, timingSafeEqual } from 'node:crypto';
import { requireLength, SIV_KEK_LENGTH } from '@cpns/shared/security';

const BLOCK = 16;
const ZERO = new Uint8Array(BLOCK);

/** AES-CMAC (RFC 4493) of one message after another under one key. */
class Cmac {
  /** CBC goes on for ever; each message takes back the block before it, and so begins at zero. */
  readonly #cbc: Cipher;
  readonly #subkey: Uint8Array;
  #last: Uint8Array;

  constructor(key: Uint8Array) {
    this.#cbc = createCipheriv('aes-256-cbc', key, ZERO).setAutoPadding(false);
    this.#last = this.#cbc.update(ZERO);
    this.#subkey = doubled(this.#last);
  }

  of(message: Uint8Array): Uint8Array {
    const length = Math.max(BLOCK, BLOCK * Math.ceil(message.length / BLOCK));
    const padded = Buffer.allocUnsafe(length).fill(0, message.length);
    padded.set(message);
    const final = padded.subarray(length - BLOCK);
    if (message.length < length) {
      padded[message.length] = 0x80;
      addTo(final, doubled(this.#subkey));
    } else addTo(final, this.#subkey);
    addTo(padded, this.#last);
    this.#last = this.#cbc.update(padded).subarray(length - BLOCK);
    padded.fill(0);
    return this.#last;
  }

  erase(): void {
    this.#subkey.fill(0);
  }
}

/** Times x in GF(2^128) (RFC 5297 section 2.3), without a branch on the value. */
function doubled(block: Uint8Array): Uint8Array {
  const result = new Uint8Array(BLOCK);
  let carry = 0;
  for (let i = BLOCK - 1; i >= 0; i--) {
    const octet = block[i] as number;
    result[i] = (octet << 1) | carry;
    carry = octet >>> 7;
  }
  result[BLOCK - 1] = (result[BLOCK - 1] as number) ^ (0x87 * carry);
  return result;
}

/** XORs `block` into the first octets of `octets`. */
function addTo(octets: Uint8Array, block: Uint8Array): void {
  for (let i = 0; i < block.length; i++) octets[i] = (octets[i] as number) ^ (block[i] as number);
}

/** S2V with one string of associated data (RFC 5297 section 2.4). */
function s2v(key: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  const cmac = new Cmac(key);
  const sum = doubled(cmac.of(ZERO));
  addTo(sum, cmac.of(aad));
  let last: Uint8Array;
  if (plain.length >= BLOCK) {
    last = new Uint8Array(plain);
    addTo(last.subarray(plain.length - BLOCK), sum);
  } else {
    last = doubled(sum);
    addTo(last, plain);
    last[plain.length] = (last[plain.length] as number) ^ 0x80;
  }
  const v = cmac.of(last);
  last.fill(0);
  cmac.erase();
  return v;
}

/** Counter that V begins (RFC 5297 section 2.5). */
function counterFrom(v: Uint8Array): Uint8Array {
  const counter = new Uint8Array(v);
  for (const at of [8, 12]) counter[at] = (counter[at] as number) & 0x7f;
  return counter;
}

/** AES-256-SIV (RFC 5297), which OpenSSL has and Node does not reach, from AES-CBC and AES-CTR of OpenSSL. */
export function wrapSiv(kek: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array {
  requireLength('SIV key', kek, SIV_KEK_LENGTH);
  const [macKey, ctrKey] = halves(kek);
  const v = s2v(macKey, aad, plain);
  const wrapped = new Uint8Array(BLOCK + plain.length);
  wrapped.set(v);
  wrapped.set(createCipheriv('aes-256-ctr', ctrKey, counterFrom(v)).update(plain), BLOCK);
  return wrapped;
}

/** Undefined when anything of it was altered; nothing unverified leaves. */
export function unwrapSiv(kek: Uint8Array, aad: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  requireLength('SIV key', kek, SIV_KEK_LENGTH);
  if (wrapped.length < BLOCK) return undefined;
  const [macKey, ctrKey] = halves(kek);
  const v = wrapped.subarray(0, BLOCK);
  const plain = createDecipheriv('aes-256-ctr', ctrKey, counterFrom(v)).update(wrapped.subarray(BLOCK));
  if (!timingSafeEqual(s2v(macKey, aad, plain), v)) {
    plain.fill(0);
    return undefined;
  }
  return new Uint8Array(plain.buffer, plain.byteOffset, plain.length);
}

function halves(kek: Uint8Array): readonly [Uint8Array, Uint8Array] {
  return [kek.subarray(0, SIV_KEK_LENGTH / 2), kek.subarray(SIV_KEK_LENGTH / 2)];
}
