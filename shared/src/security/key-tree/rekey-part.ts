import { CpnsError } from '../../errors.js';
import { isServerId, type ServerId } from '../../ids.js';
import { type CborValue, cborLength, decodeCbor, encodeCbor } from '../../messages/cbor.js';
import type { ServerKey } from '../../messages/hello.js';
import type { CryptoProvider } from '../../ports.js';
import { authFailed } from '../auth-error.js';
import { GROUP_KEY_NODE, type GroupRecord, groupRecordItem, WRAPPED_NODE_KEY_LENGTH } from '../group-record.js';
import { enc } from '../kdf.js';
import { ENC } from '../labels.js';
import { HEIGHT_MAX, isAbove, levelOf, parentOf } from './nodes.js';

/** Most octets of one part of a rekey. */
export const REKEY_PART_MAX = 12_288;
/** More parts than a rekey of a full group can have. */
const PARTS_MAX = 1024;

/** What every part of a rekey says of it. */
export interface RekeyHeader {
  readonly idServer: ServerId;
  /** 16 raw octets. */
  readonly sgId: Uint8Array;
  readonly epoch: bigint;
  /** Which of the server's keys signs. */
  readonly keyId: number;
  /** How long members still send under the Group Key before, in ms. */
  readonly switchAfterMs: number;
  /** How long members still receive under it, in ms. */
  readonly graceMs: number;
}

/** One part, read. */
export interface RekeyPart extends RekeyHeader {
  /** From 0. */
  readonly index: number;
  readonly count: number;
  /** Sorted by the node they are under, then by the node they bring; across all parts too. */
  readonly records: readonly GroupRecord[];
}

/** A part as it travels. */
export interface SignedRekeyPart {
  readonly part: Uint8Array;
  /** Ed25519, 64 octets. */
  readonly signature: Uint8Array;
}

/**
 * A rekey as signed parts of at most {@link REKEY_PART_MAX} octets; none when there is nobody to tell. `sign` is the server's Ed25519
 * signature over the octets given.
 */
export function signedRekeyParts(
  header: RekeyHeader,
  records: readonly GroupRecord[],
  sign: (message: Uint8Array) => Uint8Array,
): SignedRekeyPart[] {
  const room = REKEY_PART_MAX - cborLength(partOf(header, PARTS_MAX - 1, PARTS_MAX, [])) - 2;
  const chunks: CborValue[][] = [];
  let left = 0;
  for (const record of records) {
    const item = groupRecordItem(record);
    const length = cborLength(item);
    if (length > left) {
      chunks.push([]);
      left = room;
    }
    chunks.at(-1)?.push(item);
    left -= length;
  }
  return chunks.map((chunk, index) => {
    const part = encodeCbor(partOf(header, index, chunks.length, chunk));
    return { part, signature: signRekeyPart(sign, part) };
  });
}

function partOf(header: RekeyHeader, index: number, count: number, records: readonly CborValue[]): CborValue {
  const { idServer, sgId, epoch, keyId, switchAfterMs, graceMs } = header;
  return new Map<number, CborValue>([
    [1, idServer],
    [2, sgId],
    [3, epoch],
    [4, keyId],
    [5, switchAfterMs],
    [6, graceMs],
    [7, index],
    [8, count],
    [9, records],
  ]);
}

/**
 * The server's signature over one part of a rekey. Without it, every member could forge a rekey for those below a node whose key it
 * holds (security: group keys).
 */
export function signRekeyPart(sign: (message: Uint8Array) => Uint8Array, part: Uint8Array): Uint8Array {
  return sign(enc(ENC.rekey, part));
}

/** Each part is verified alone, before it is parsed. False too for a part that is too large. */
export function verifyRekeyPart(provider: CryptoProvider, publicKey: Uint8Array, part: Uint8Array, signature: Uint8Array): boolean {
  return part.length <= REKEY_PART_MAX && provider.ed25519Verify(publicKey, enc(ENC.rekey, part), signature);
}

/**
 * The part, once one of the server's keys has verified it.
 * @throws CpnsError Auth/WrongSignature, Codec/BadMessage
 */
export function openRekeyPart(
  provider: CryptoProvider,
  serverKeys: readonly ServerKey[],
  part: Uint8Array,
  signature: Uint8Array,
): RekeyPart {
  const signer = serverKeys.find(({ ed25519 }) => verifyRekeyPart(provider, ed25519, part, signature));
  if (signer === undefined) throw authFailed('WrongSignature', 'A rekey was not signed by the server.');
  const read = parseRekeyPart(part);
  if (read.keyId !== signer.keyId) throw authFailed('WrongSignature', 'A rekey was signed with another key than it names.');
  return read;
}

/** Reads a part that has been verified. @throws CpnsError Codec/BadMessage */
export function parseRekeyPart(part: Uint8Array): RekeyPart {
  const map = decodeCbor(part);
  if (!(map instanceof Map) || map.size !== 9) throw badPart('it is no map of nine entries');
  const idServer = map.get(1);
  const sgId = map.get(2);
  if (typeof idServer !== 'string' || !isServerId(idServer)) throw badPart('the server id');
  if (!(sgId instanceof Uint8Array) || sgId.length !== 16) throw badPart('the SG ID');
  const epoch = map.get(3);
  if (typeof epoch !== 'bigint' && typeof epoch !== 'number') throw badPart('the epoch');
  const [keyId, switchAfterMs, graceMs] = [u32(map.get(4)), u32(map.get(5)), u32(map.get(6))];
  const [index, count] = [u32(map.get(7)), u32(map.get(8))];
  if (index >= count || count > PARTS_MAX) throw badPart('the number of parts');
  const items = map.get(9);
  if (!Array.isArray(items) || items.length === 0) throw badPart('the records');
  const records = (items as readonly CborValue[]).map(recordOf);
  if (records.some((record, i) => i > 0 && !isBefore(records[i - 1] as GroupRecord, record))) throw badPart('the order of the records');
  return { idServer, sgId, epoch: BigInt(epoch), keyId, switchAfterMs, graceMs, index, count, records };
}

function recordOf(item: CborValue): GroupRecord {
  if (!Array.isArray(item) || item.length !== 5) throw badPart('a record');
  const [node, version, underNode, underVersion] = item.slice(0, 4).map(u32) as [number, number, number, number];
  const wrapped = item[4] as CborValue;
  if (!(wrapped instanceof Uint8Array) || wrapped.length !== WRAPPED_NODE_KEY_LENGTH) throw badPart('a wrapped key');
  if (levelOf(underNode) > HEIGHT_MAX) throw badPart('a node');
  const renewed = node === underNode && version > underVersion && levelOf(node) > 0;
  const groupKey = node === GROUP_KEY_NODE && levelOf(underNode) > 0;
  if (!renewed && !groupKey && node !== parentOf(underNode)) throw badPart('a node');
  return { node, version, underNode, underVersion, wrapped };
}

/** The order of {@link RekeyPart.records}. */
export function isBefore(a: GroupRecord, b: GroupRecord): boolean {
  return a.underNode === b.underNode ? a.node < b.node : a.underNode < b.underNode;
}

function u32(value: CborValue | undefined): number {
  if (typeof value !== 'number' || value > 0xffff_ffff) throw badPart('a number');
  return value;
}

function badPart(what: string): CpnsError {
  return new CpnsError('Codec', 'BadMessage', `A rekey could not be read: ${what}.`);
}

/** Whether the member at `leaf` needs this part: for relays, which cannot read what the records bring. */
export function concernsLeaf({ records }: RekeyPart, leaf: number): boolean {
  return records.some(({ underNode }) => isAbove(underNode, leaf));
}
