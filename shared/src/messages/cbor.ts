import { decode, encode } from 'cborg';
import { CpnsError } from '../errors.js';

/** What the codec carries: no floats, no tags, no null. Maps have unsigned integer keys. */
export type CborValue = number | bigint | string | boolean | Uint8Array | readonly CborValue[] | CborMap;
export type CborMap = ReadonlyMap<number, CborValue>;

const MAX_DEPTH = 8;
const MAX_ITEMS = 4096;

const DECODE = {
  useMaps: true,
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  rejectDuplicateMapKeys: true,
} as const;

/** Deterministic CBOR (RFC 8949 4.2.1). */
export function encodeCbor(value: CborValue): Uint8Array {
  return encode(value);
}

function malformed(detail: string): CpnsError {
  return new CpnsError('Codec', 'BadMessage', `A message could not be read: ${detail}.`);
}

/**
 * Walks the octets without recursion and without building anything, so that nothing hostile reaches the decoder: depth, number of
 * items, kinds of items and all lengths are within bounds, and exactly one item fills the octets.
 * @throws CpnsError Codec/BadMessage
 */
export function scanCbor(octets: Uint8Array): void {
  /** Items still owed at each open level. */
  const owed: number[] = [1];
  let at = 0;
  let items = 0;
  while (owed.length > 0) {
    const level = owed.length - 1;
    const left = owed[level] as number;
    if (left === 0) {
      owed.pop();
      continue;
    }
    owed[level] = left - 1;
    if (++items > MAX_ITEMS) throw malformed(`more than ${MAX_ITEMS} items`);
    const initial = octets[at++];
    if (initial === undefined) throw malformed('it is cut off');
    const major = initial >> 5;
    const info = initial & 31;
    if (info > 27) throw malformed('indefinite or reserved length');
    let argument = info;
    if (info >= 24) {
      const width = 1 << (info - 24);
      if (at + width > octets.length) throw malformed('it is cut off');
      argument = 0;
      for (let i = 0; i < width; i++) argument = argument * 256 + (octets[at + i] as number);
      at += width;
    }
    switch (major) {
      case 0:
        break;
      case 2:
      case 3:
        if (argument > octets.length - at) throw malformed('it is cut off');
        at += argument;
        break;
      case 4:
      case 5: {
        const children = major === 5 ? argument * 2 : argument;
        if (children > octets.length - at) throw malformed('it is cut off');
        // The level of the container itself counts: a scalar alone has depth 0.
        if (owed.length > MAX_DEPTH) throw malformed(`nested deeper than ${MAX_DEPTH}`);
        owed.push(children);
        break;
      }
      case 7:
        if (info !== 20 && info !== 21) throw malformed('floats and special values are not allowed');
        break;
      default:
        throw malformed('negative numbers and tags are not allowed');
    }
  }
  if (at !== octets.length) throw malformed('octets follow its end');
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Reads octets that must be deterministic CBOR: scanned first, then decoded, encoded again and compared, because decoders accept
 * unsorted maps and long forms of numbers.
 * @throws CpnsError Codec/BadMessage
 */
export function decodeCbor(octets: Uint8Array): CborValue {
  scanCbor(octets);
  let value: CborValue;
  try {
    value = decode(octets, DECODE) as CborValue;
  } catch (cause) {
    throw new CpnsError('Codec', 'BadMessage', 'A message could not be read: it is not well-formed CBOR.', { cause });
  }
  if (!sameOctets(encodeCbor(value), octets)) throw malformed('it is not in deterministic form');
  return value;
}
