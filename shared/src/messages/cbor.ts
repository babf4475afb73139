import { CpnsError } from '../errors.js';
import { copyOf, isAscii, readU64be, u64be } from '../security/bytes.js';

/** What the codec carries: no floats, no tags, no null. Maps have unsigned integer keys. A bigint is 2^53 or more. */
export type CborValue = number | bigint | string | boolean | Uint8Array | readonly CborValue[] | CborMap;
export type CborMap = ReadonlyMap<number, CborValue>;

const MAX_DEPTH = 8;
const MAX_ITEMS = 4096;

/** Upper three bits of the first octet of an item (RFC 8949 section 3.1). */
const MAJOR = { unsigned: 0, bytes: 2, text: 3, array: 4, map: 5, simple: 7 } as const;
const FALSE = 0xf4;
const TRUE = 0xf5;
/** From this value on an argument needs 1, 2, 4 or 8 octets of its own; a smaller one in as many is not deterministic. */
const WIDER_FROM = [24, 0x100, 0x1_0000, 0x1_0000_0000] as const;
const U64_END = 2n ** 64n;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Deterministic CBOR (RFC 8949 section 4.2.1) in an allocation of its own.
 * @throws CpnsError Internal/BadField for a number that is not whole or out of bounds
 */
export function encodeCbor(value: CborValue): Uint8Array {
  const writer = new Writer(cborLength(value));
  writer.item(value);
  return writer.octets;
}

/** How many octets {@link encodeCbor} gives, without writing them. @throws CpnsError Internal/BadField */
export function cborLength(value: CborValue): number {
  switch (typeof value) {
    case 'number':
    case 'bigint':
      return headLength(value);
    case 'boolean':
      return 1;
    case 'string':
      return lengthWithHead(isAscii(value) ? value.length : encoder.encode(value).length);
  }
  if (value instanceof Uint8Array) return lengthWithHead(value.length);
  if (value instanceof Map) {
    let length = headLength(value.size);
    for (const [key, item] of value as CborMap) length += headLength(key) + cborLength(item);
    return length;
  }
  const list = value as readonly CborValue[];
  let length = headLength(list.length);
  for (const item of list) length += cborLength(item);
  return length;
}

function lengthWithHead(length: number): number {
  return headLength(length) + length;
}

function headLength(argument: number | bigint): number {
  const whole = typeof argument === 'bigint' ? argument < U64_END : Number.isSafeInteger(argument);
  if (!whole || argument < 0) throw new CpnsError('Internal', 'BadField', 'A number to be sent is not whole, negative or too large.');
  if (argument < WIDER_FROM[0]) return 1;
  if (argument < WIDER_FROM[1]) return 2;
  if (argument < WIDER_FROM[2]) return 3;
  return argument < WIDER_FROM[3] ? 5 : 9;
}

/** Deterministic form orders the entries of a map by key. Most maps come in that order. */
function inOrder(map: CborMap): Iterable<readonly [number, CborValue]> {
  let last = -1;
  for (const key of map.keys()) {
    if (key < last) return [...map].sort(([a], [b]) => a - b);
    last = key;
  }
  return map;
}

class Writer {
  readonly octets: Uint8Array;
  #at = 0;

  constructor(length: number) {
    this.octets = new Uint8Array(length);
  }

  item(value: CborValue): void {
    if (typeof value === 'number' || typeof value === 'bigint') this.#head(MAJOR.unsigned, value);
    else if (typeof value === 'string') this.#text(value);
    else if (typeof value === 'boolean') this.octets[this.#at++] = value ? TRUE : FALSE;
    else if (value instanceof Uint8Array) this.#string(MAJOR.bytes, value);
    else if (value instanceof Map) {
      this.#head(MAJOR.map, value.size);
      for (const [key, item] of inOrder(value as CborMap)) {
        this.#head(MAJOR.unsigned, key);
        this.item(item);
      }
    } else {
      const list = value as readonly CborValue[];
      this.#head(MAJOR.array, list.length);
      for (const item of list) this.item(item);
    }
  }

  #head(major: number, argument: number | bigint): void {
    const initial = major << 5;
    if (argument < WIDER_FROM[0]) this.octets[this.#at++] = initial | Number(argument);
    else if (argument < WIDER_FROM[1]) this.#wider(initial | 24, Number(argument), 1);
    else if (argument < WIDER_FROM[2]) this.#wider(initial | 25, Number(argument), 2);
    else if (argument < WIDER_FROM[3]) this.#wider(initial | 26, Number(argument), 4);
    else {
      this.octets[this.#at] = initial | 27;
      this.octets.set(u64be(BigInt(argument)), this.#at + 1);
      this.#at += 9;
    }
  }

  #wider(initial: number, argument: number, width: 1 | 2 | 4): void {
    this.octets[this.#at++] = initial;
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.octets[this.#at++] = argument >>> shift;
  }

  #text(text: string): void {
    if (!isAscii(text)) return this.#string(MAJOR.text, encoder.encode(text));
    this.#head(MAJOR.text, text.length);
    for (let i = 0; i < text.length; i++) this.octets[this.#at++] = text.charCodeAt(i);
  }

  #string(major: number, octets: Uint8Array): void {
    this.#head(major, octets.length);
    this.octets.set(octets, this.#at);
    this.#at += octets.length;
  }
}

/**
 * Reads octets that must be deterministic CBOR: depth, number of items, kinds of items and all lengths are within bounds, every number
 * is in its shortest form, keys ascend, and exactly one item fills the octets. So no two different inputs give the same value. The octet
 * strings in the value are copies.
 * @throws CpnsError Codec/BadMessage
 */
export function decodeCbor(octets: Uint8Array): CborValue {
  const reader = new Reader(octets);
  const value = reader.item(0);
  if (reader.at !== octets.length) throw malformed('octets follow its end');
  return value;
}

function malformed(detail: string): CpnsError {
  return new CpnsError('Codec', 'BadMessage', `A message could not be read: ${detail}.`);
}

/** Calls itself at most as deep as containers may lie within one another, and reserves nothing on the word of a length. */
class Reader {
  at = 0;
  readonly #octets: Uint8Array;
  #items = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  /** One item that lies within `depth` containers. */
  item(depth: number): CborValue {
    const initial = this.#initial();
    switch (initial >> 5) {
      case MAJOR.unsigned:
        return this.#argument(initial);
      case MAJOR.bytes:
        return copyOf(this.#string(initial));
      case MAJOR.text:
        return textOf(this.#string(initial));
      case MAJOR.array:
        return this.#list(this.#children(initial, 1, depth), depth + 1);
      case MAJOR.map:
        return this.#map(this.#children(initial, 2, depth), depth + 1);
      case MAJOR.simple:
        if (initial !== FALSE && initial !== TRUE) throw malformed('floats and special values are not allowed');
        return initial === TRUE;
      default:
        throw malformed('negative numbers and tags are not allowed');
    }
  }

  #initial(): number {
    if (++this.#items > MAX_ITEMS) throw malformed(`more than ${MAX_ITEMS} items`);
    const initial = this.#octets[this.at++];
    if (initial === undefined) throw malformed('it is cut off');
    if ((initial & 31) > 27) throw malformed('indefinite or reserved length');
    return initial;
  }

  /** The number in the first octet of an item, or in those that follow it. */
  #argument(initial: number): number | bigint {
    const info = initial & 31;
    if (info < 24) return info;
    const start = this.at;
    this.at += 1 << (info - 24);
    if (this.at > this.#octets.length) throw malformed('it is cut off');
    let argument = 0;
    for (let i = start; i < this.at; i++) argument = argument * 256 + (this.#octets[i] as number);
    if (argument < (WIDER_FROM[info - 24] as number)) throw notDeterministic('a number is longer than needed');
    return argument <= Number.MAX_SAFE_INTEGER ? argument : readU64be(this.#octets, start);
  }

  /** A length of so many items; each takes at least one octet. */
  #length(initial: number, octetsEach: number): number {
    const length = Number(this.#argument(initial));
    if (length * octetsEach > this.#octets.length - this.at) throw malformed('it is cut off');
    return length;
  }

  #string(initial: number): Uint8Array {
    const length = this.#length(initial, 1);
    this.at += length;
    return this.#octets.subarray(this.at - length, this.at);
  }

  #children(initial: number, octetsEach: 1 | 2, depth: number): number {
    const children = this.#length(initial, octetsEach);
    if (depth === MAX_DEPTH) throw malformed(`nested deeper than ${MAX_DEPTH}`);
    return children;
  }

  #list(length: number, depth: number): CborValue[] {
    const list: CborValue[] = [];
    for (let i = 0; i < length; i++) list.push(this.item(depth));
    return list;
  }

  #map(size: number, depth: number): CborMap {
    const map = new Map<number, CborValue>();
    let last = -1;
    for (let i = 0; i < size; i++) {
      const initial = this.#initial();
      if (initial >> 5 !== MAJOR.unsigned) throw malformed('a key of a map is no number');
      const key = this.#argument(initial);
      if (typeof key === 'bigint') throw malformed('a key of a map is too large');
      if (key <= last) throw notDeterministic('keys of a map do not ascend');
      last = key;
      map.set(key, this.item(depth));
    }
    return map;
  }
}

function notDeterministic(detail: string): CpnsError {
  return malformed(`it is not in deterministic form: ${detail}`);
}

function textOf(octets: Uint8Array): string {
  try {
    return decoder.decode(octets);
  } catch (cause) {
    throw new CpnsError('Codec', 'BadMessage', 'A message could not be read: it holds text that is not UTF-8.', { cause });
  }
}
