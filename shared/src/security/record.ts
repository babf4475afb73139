import { CpnsError } from '../errors.js';
import type { CryptoProvider } from '../ports.js';
import { concat, nonceFor, u64be, writeU64be } from './bytes.js';
import { TAG_LENGTH } from './provider-lengths.js';

/** First octet of a record; 0x00 marks a frame in clear and is never a record (security: records). */
export const RECORD_TYPE = { pan: 0x01, link: 0x02, sk: 0x03 } as const;
/** Type of a record on an ordered hop: under SK_L or under SK_K. */
export type OrderedRecordType = typeof RECORD_TYPE.pan | typeof RECORD_TYPE.link;

/** What a record carries: one CBOR envelope, a part of one, or a sign of life. */
export const INNER_TYPE = { envelope: 1, part: 2, ping: 3, pong: 4 } as const;
export type InnerType = (typeof INNER_TYPE)[keyof typeof INNER_TYPE];

/** `type(1) sid(4) keyEpoch(1) len(2)` */
export const ORDERED_HEADER_LENGTH = 8;
/** `type(1) sid(8) inst(8) seq(8) len(2)` */
export const SK_HEADER_LENGTH = 27;

/** Octets of content in one record, at most. */
export const MAX_CONTENT = 16_384;
const MAX_SEALED = MAX_CONTENT + 1 + TAG_LENGTH;
/** A record holds at least its inner type. */
const MIN_SEALED = 1 + TAG_LENGTH;
/** Octets of a record of a PAN or link session, at most. */
export const MAX_PAN_RECORD = ORDERED_HEADER_LENGTH + MAX_SEALED;
/** Octets of a record of the SK channel, at most. */
export const MAX_SK_RECORD = SK_HEADER_LENGTH + MAX_SEALED;

/** The content of a record whose tag verified. */
export interface OpenedRecord {
  readonly innerType: InnerType;
  readonly content: Uint8Array;
}

export interface SealOptions {
  /** Default true: the plain octets are padded to a bucket, so that control messages do not tell their length. */
  readonly pad?: boolean;
}

/** Key and iv of one direction of one session (of one key epoch, or of one sending process). */
export interface RecordKeys {
  readonly key: Uint8Array;
  readonly iv: Uint8Array;
}

const SMALLEST_BUCKET = 64;

/** The bucket for so many octets of plain (content and inner type): 64, 128 .. 16,384; 16,385 stay as they are. */
export function paddedLength(plainLength: number): number {
  if (plainLength > MAX_CONTENT) return plainLength;
  let bucket = SMALLEST_BUCKET;
  while (bucket < plainLength) bucket *= 2;
  return bucket;
}

/** @throws CpnsError Internal/BadLength */
export function requireContent(content: Uint8Array): void {
  if (content.length <= MAX_CONTENT) return;
  throw new CpnsError('Internal', 'BadLength', `A record takes ${MAX_CONTENT} octets of content, ${content.length} were given.`);
}

/** Fills the whole of `plain` with `content || innerType || padding`. */
export function writePlain(plain: Uint8Array, innerType: number, content: Uint8Array): void {
  plain.set(content);
  plain[content.length] = innerType;
  plain.fill(0, content.length + 1);
}

/** What verified plain octets hold; undefined for none, an unknown inner type or too much content. The content is a part of `plain`. */
export function readPlain(plain: Uint8Array): OpenedRecord | undefined {
  let end = plain.length;
  while (plain[end - 1] === 0) end--;
  const innerType = plain[end - 1] ?? 0;
  if (innerType < INNER_TYPE.envelope || innerType > INNER_TYPE.pong || end - 1 > MAX_CONTENT) return undefined;
  return { innerType: innerType as InnerType, content: plain.subarray(0, end - 1) };
}

/** May `record` be one of these: right first octet, possible length, and a length field that says the same? */
export function isFramed(record: Uint8Array, type: number, headerLength: number): boolean {
  const sealedLength = record.length - headerLength;
  if (sealedLength < MIN_SEALED || sealedLength > MAX_SEALED || record[0] !== type) return false;
  return (record[headerLength - 2] as number) * 256 + (record[headerLength - 1] as number) === sealedLength;
}

export function orderedHeader(type: number, sid: Uint8Array, keyEpoch: number, sealedLength: number): Uint8Array {
  return concat(new Uint8Array([type]), sid, new Uint8Array([keyEpoch, sealedLength >>> 8, sealedLength]));
}

export function skHeader(sid: Uint8Array, inst: Uint8Array, seq: bigint, sealedLength: number): Uint8Array {
  const header = new Uint8Array(SK_HEADER_LENGTH);
  writeSkHeader(header, sid, inst, seq, sealedLength);
  return header;
}

/** Writes the header in front of a record. */
export function writeSkHeader(record: Uint8Array, sid: Uint8Array, inst: Uint8Array, seq: bigint, sealedLength: number): void {
  record[0] = RECORD_TYPE.sk;
  record.set(sid, 1);
  record.set(inst, 1 + sid.length);
  writeU64be(record, SK_HEADER_LENGTH - 10, seq);
  record[SK_HEADER_LENGTH - 2] = sealedLength >>> 8;
  record[SK_HEADER_LENGTH - 1] = sealedLength;
}

interface RecordInputs {
  readonly seq: bigint;
  readonly innerType: number;
  readonly content: Uint8Array;
  /** Zero octets behind the inner type. */
  readonly padding: number;
}

/** Everything about one sealed record; the record itself is `header || sealed`. */
export interface SealedRecord {
  readonly header: Uint8Array;
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  readonly sealed: Uint8Array;
}

/**
 * The formula of one record of a PAN or link session, for known answers. Product code seals through {@link SecureChannel}, which owns
 * key and counter.
 */
export function sealOrderedRecord(
  provider: CryptoProvider,
  keys: RecordKeys,
  record: RecordInputs & { readonly type: OrderedRecordType; readonly sid: Uint8Array; readonly keyEpoch: number },
): SealedRecord {
  const header = orderedHeader(record.type, record.sid, record.keyEpoch, sealedLength(record));
  return sealRecord(provider, keys, record, header, concat(header, u64be(record.seq)));
}

/** The formula of one record of the SK channel, for known answers. Product code seals through {@link SkSender}. */
export function sealSkRecord(
  provider: CryptoProvider,
  keys: RecordKeys,
  record: RecordInputs & { readonly sid: Uint8Array; readonly inst: Uint8Array },
): SealedRecord {
  const header = skHeader(record.sid, record.inst, record.seq, sealedLength(record));
  return sealRecord(provider, keys, record, header, header);
}

function sealedLength({ content, padding }: RecordInputs): number {
  requireContent(content);
  return content.length + 1 + padding + TAG_LENGTH;
}

function sealRecord(
  provider: CryptoProvider,
  keys: RecordKeys,
  { seq, innerType, content, padding }: RecordInputs,
  header: Uint8Array,
  aad: Uint8Array,
): SealedRecord {
  const plain = new Uint8Array(content.length + 1 + padding);
  writePlain(plain, innerType, content);
  const nonce = nonceFor(keys.iv, seq);
  return { header, nonce, aad, sealed: provider.seal(keys.key, nonce, aad, plain) };
}

/** Opens one record of a PAN or link session with given keys and number; undefined when anything is wrong with it. */
export function openOrderedRecord(
  provider: CryptoProvider,
  keys: RecordKeys,
  seq: bigint,
  type: OrderedRecordType,
  record: Uint8Array,
): OpenedRecord | undefined {
  if (!isFramed(record, type, ORDERED_HEADER_LENGTH)) return undefined;
  const aad = concat(record.subarray(0, ORDERED_HEADER_LENGTH), u64be(seq));
  const plain = provider.open(keys.key, nonceFor(keys.iv, seq), aad, record.subarray(ORDERED_HEADER_LENGTH));
  return plain === undefined ? undefined : readPlain(plain);
}
