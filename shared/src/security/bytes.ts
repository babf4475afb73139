import { CpnsError } from '../errors.js';

export const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();
/** Two digits for each octet. */
const HEX = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, '0'));
const U32_MAX = 0xffff_ffff;
const U64_MAX = 0xffff_ffff_ffff_ffffn;

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Lower-case hex. Never for keys: those stay octets. */
export function toHex(octets: Uint8Array): string {
  let text = '';
  for (let i = 0; i < octets.length; i++) text += HEX[octets[i] as number];
  return text;
}

/** @throws CpnsError Codec/BadHex unless `text` is an even number of lower-case hex digits */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0) throw badHex();
  const octets = new Uint8Array(text.length / 2);
  for (let i = 0; i < octets.length; i++) octets[i] = 16 * hexDigit(text.charCodeAt(2 * i)) + hexDigit(text.charCodeAt(2 * i + 1));
  return octets;
}

/** The value of `0` to `9` and `a` to `f`. */
function hexDigit(unit: number): number {
  if (unit >= 0x30 && unit <= 0x39) return unit - 0x30;
  if (unit >= 0x61 && unit <= 0x66) return unit - 0x61 + 10;
  throw badHex();
}

function badHex(): CpnsError {
  return new CpnsError('Codec', 'BadHex', 'Expected an even number of lower-case hex digits (0-9, a-f).');
}

/**
 * UTF-8 without normalisation.
 * @throws CpnsError Codec/BadText for a lone surrogate: two different texts must never become the same octets
 */
export function utf8(text: string): Uint8Array {
  // Nearly all text in formulas is short ASCII, for which a call of the encoder costs five times more than this loop.
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return utf8BeyondAscii(text);
    octets[i] = unit;
  }
  return octets;
}

function utf8BeyondAscii(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = text.charCodeAt(i + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) {
      throw new CpnsError('Codec', 'BadText', 'The text holds half of a surrogate pair and has no UTF-8 form.');
    }
    i++;
  }
  return encoder.encode(text);
}

/** @throws CpnsError Internal/BadNumber unless 0 <= value < 2^32 */
export function u32be(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > U32_MAX) {
    throw new CpnsError('Internal', 'BadNumber', 'Expected a whole number from 0 to 4294967295.');
  }
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

/** @throws CpnsError Internal/BadNumber unless 0 <= value < 2^64 */
export function u64be(value: bigint): Uint8Array {
  if (value < 0n || value > U64_MAX) throw new CpnsError('Internal', 'BadNumber', 'Expected a whole number from 0 to 2^64 - 1.');
  const octets = new Uint8Array(8);
  const view = new DataView(octets.buffer);
  view.setBigUint64(0, value);
  return octets;
}

/** The unsigned 64-bit integer at `offset`. */
export function readU64be(octets: Uint8Array, offset = 0): bigint {
  return new DataView(octets.buffer, octets.byteOffset, octets.byteLength).getBigUint64(offset);
}

/** A copy in an allocation of its own. */
export function copyOf(octets: Uint8Array): Uint8Array {
  const copy = new Uint8Array(octets.length);
  copy.set(octets);
  return copy;
}

/** `iv XOR (00000000 || seq as u64be)` (RFC 8446 section 5.3). `iv` has 12 octets. */
export function nonceFor(iv: Uint8Array, seq: bigint): Uint8Array {
  const nonce = copyOf(iv);
  const count = u64be(seq);
  for (let i = 0; i < 8; i++) nonce[4 + i] = (nonce[4 + i] as number) ^ (count[i] as number);
  return nonce;
}
