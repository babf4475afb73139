import { CpnsError } from '../errors.js';

export const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();
/** Character codes of the hex digits. */
const HEX = [...'0123456789abcdef'].map((digit) => digit.charCodeAt(0));
/** A call takes only so many arguments. */
const HEX_AT_ONCE = 1_024;
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
  if (octets.length > HEX_AT_ONCE) return toHex(octets.subarray(0, HEX_AT_ONCE)) + toHex(octets.subarray(HEX_AT_ONCE));
  // In one piece: text to which characters are added is a tree of pieces until somebody looks at it.
  const codes = new Array<number>(2 * octets.length);
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i] as number;
    codes[2 * i] = HEX[octet >> 4] as number;
    codes[2 * i + 1] = HEX[octet & 15] as number;
  }
  return String.fromCharCode.apply(null, codes);
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

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
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
export function requireU32(value: number): void {
  if (Number.isInteger(value) && value >= 0 && value <= U32_MAX) return;
  throw new CpnsError('Internal', 'BadNumber', 'Expected a whole number from 0 to 4294967295.');
}

/** @throws CpnsError Internal/BadNumber unless 0 <= value < 2^32 */
export function u32be(value: number): Uint8Array {
  requireU32(value);
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value]);
}

function requireU64(value: bigint): void {
  if (value < 0n || value > U64_MAX) throw new CpnsError('Internal', 'BadNumber', 'Expected a whole number from 0 to 2^64 - 1.');
}

/** @throws CpnsError Internal/BadNumber unless 0 <= value < 2^64 */
export function u64be(value: bigint): Uint8Array {
  const octets = new Uint8Array(8);
  writeU64be(octets, 0, value);
  return octets;
}

/**
 * Writes it at `offset`. Octet by octet: a view of the buffer behind a short array makes V8 move that out of its heap, which costs more
 * than all of this.
 * @throws CpnsError Internal/BadNumber unless 0 <= value < 2^64
 */
export function writeU64be(octets: Uint8Array, offset: number, value: bigint): void {
  requireU64(value);
  writeU32be(octets, offset, Number(value >> 32n));
  writeU32be(octets, offset + 4, Number(value & 0xffff_ffffn));
}

/** Writes a value that has 32 bits at `offset`. */
export function writeU32be(octets: Uint8Array, offset: number, value: number): void {
  octets[offset] = value >>> 24;
  octets[offset + 1] = value >>> 16;
  octets[offset + 2] = value >>> 8;
  octets[offset + 3] = value;
}

/** The unsigned 32-bit integer at `offset`; octet by octet as {@link writeU64be}. */
export function readU32be(octets: Uint8Array, offset = 0): number {
  const high = ((octets[offset] as number) << 8) | (octets[offset + 1] as number);
  const low = ((octets[offset + 2] as number) << 8) | (octets[offset + 3] as number);
  return ((high << 16) | low) >>> 0;
}

/** The unsigned 64-bit integer at `offset`. */
export function readU64be(octets: Uint8Array, offset = 0): bigint {
  return (BigInt(readU32be(octets, offset)) << 32n) | BigInt(readU32be(octets, offset + 4));
}

/** A copy in an allocation of its own. */
export function copyOf(octets: Uint8Array): Uint8Array {
  const copy = new Uint8Array(octets.length);
  copy.set(octets);
  return copy;
}

/** `iv XOR (00000000 || seq as u64be)` (RFC 8446 section 5.3). `iv` has 12 octets. @throws CpnsError Internal/BadNumber */
export function nonceFor(iv: Uint8Array, seq: bigint): Uint8Array {
  const nonce = new Uint8Array(iv.length);
  writeU64be(nonce, 4, seq);
  for (let i = 0; i < iv.length; i++) nonce[i] = (nonce[i] as number) ^ (iv[i] as number);
  return nonce;
}
