import { createHash } from 'node:crypto';
import { CpnsError, MAX_STORE_KEY_LENGTH, type StoreChanges } from '@cpns/shared';

/*
 * The state file: a header, then frames. All numbers are big-endian.
 *
 *   header    magic (8) | version u32 | file id (16) | end of the snapshot u64 | check (16)
 *   frame     marker (8) | sequence number u32 | length u32 | changes (length) | check (16)
 *   change    1 | key length u16 | key | value length u32 | value     put
 *             0 | key length u16 | key                                delete
 *
 * A check is the first half of SHA-256 over what stands before it in the header or frame, in a frame with the file id in front. The
 * marker is derived from the file id, which is random and new for every rewriting of the file: no stored value can contain it, and
 * what an older file left on the same disk blocks never passes for a frame.
 */

const MAGIC = Buffer.from('CPNSLOG\n');
const VERSION = 1;
export const FILE_ID_LENGTH = 16;
const CHECK_LENGTH = 16;
const MARKER_LENGTH = 8;
export const HEADER_LENGTH = MAGIC.length + 4 + FILE_ID_LENGTH + 8 + CHECK_LENGTH;
const FRAME_HEAD_LENGTH = MARKER_LENGTH + 4 + 4;
const FRAME_OVERHEAD = FRAME_HEAD_LENGTH + CHECK_LENGTH;
/** Octets of a put beside key and value. */
export const CHANGE_OVERHEAD = 1 + 2 + 4;

const DELETE = 0;
const PUT = 1;

export function encodeHeader(fileId: Uint8Array, snapshotEnd: number): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(VERSION, 0);
  numbers.writeBigUInt64BE(BigInt(snapshotEnd), 4);
  const body = Buffer.concat([MAGIC, numbers.subarray(0, 4), fileId, numbers.subarray(4)]);
  return Buffer.concat([body, check(body)]);
}

/** One frame: changes that become durable together. */
export function encodeFrame(fileId: Uint8Array, sequence: number, changes: StoreChanges): Buffer {
  let length = 0;
  for (const [key, value] of changes) length += value === undefined ? 3 + key.length : CHANGE_OVERHEAD + key.length + value.length;
  const frame = Buffer.alloc(FRAME_OVERHEAD + length);
  marker(fileId).copy(frame);
  let at = frame.writeUInt32BE(sequence, MARKER_LENGTH);
  at = frame.writeUInt32BE(length, at);
  for (const [key, value] of changes) {
    at = frame.writeUInt8(value === undefined ? DELETE : PUT, at);
    at = frame.writeUInt16BE(key.length, at);
    at += frame.write(key, at, 'latin1');
    if (value === undefined) continue;
    at = frame.writeUInt32BE(value.length, at);
    frame.set(value, at);
    at += value.length;
  }
  check(fileId, frame.subarray(0, at)).copy(frame, at);
  return frame;
}

/** What a state file holds. */
export interface ReadLog {
  readonly fileId: Uint8Array;
  /** Sequence number of the frame that comes next. */
  readonly nextSequence: number;
  /** Where the last whole frame ends, and the next one belongs. What stands behind is the rest of a commit that never ended. */
  readonly end: number;
}

/**
 * Reads a state file and hands its changes over frame by frame. Values are parts of `octets`.
 * @throws CpnsError State/StoreDamaged, State/StoreTooNew; the reader must not use what it got then
 */
export function readLog(octets: Buffer, path: string, apply: (changes: StoreChanges) => void): ReadLog {
  const { fileId, snapshotEnd } = readHeader(octets, path);
  const mark = marker(fileId);
  let end = HEADER_LENGTH;
  let sequence = 0;
  for (;;) {
    const frame = readFrame(octets, end, { fileId, mark, sequence });
    if (frame === undefined) break;
    apply(frame.changes);
    end += frame.length;
    sequence++;
  }
  // A commit is written only when the one before it is durable: a frame behind a bad one proves that the bad one was once good.
  if (end < snapshotEnd || octets.indexOf(mark, end + 1) !== -1) throw damaged(path, end);
  return { fileId, nextSequence: sequence, end };
}

function readHeader(octets: Buffer, path: string): { fileId: Uint8Array; snapshotEnd: number } {
  if (octets.length < MAGIC.length + 4 || !octets.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged(path, 0);
  if (octets.readUInt32BE(MAGIC.length) > VERSION) {
    throw new CpnsError(
      'State',
      'StoreTooNew',
      `${path} was written by a newer version of this program; install that version or a later one.`,
    );
  }
  const checkAt = HEADER_LENGTH - CHECK_LENGTH;
  if (octets.length < HEADER_LENGTH) throw damaged(path, 0);
  if (!check(octets.subarray(0, checkAt)).equals(octets.subarray(checkAt, HEADER_LENGTH))) throw damaged(path, 0);
  const fileIdAt = MAGIC.length + 4;
  const fileId = new Uint8Array(octets.subarray(fileIdAt, fileIdAt + FILE_ID_LENGTH));
  return { fileId, snapshotEnd: Number(octets.readBigUInt64BE(fileIdAt + FILE_ID_LENGTH)) };
}

interface Expected {
  readonly fileId: Uint8Array;
  readonly mark: Uint8Array;
  readonly sequence: number;
}

/** The frame at `at`, or undefined when there is none, or none that is whole and the expected one. */
function readFrame(
  octets: Buffer,
  at: number,
  { fileId, mark, sequence }: Expected,
): { changes: StoreChanges; length: number } | undefined {
  if (octets.length - at < FRAME_OVERHEAD) return undefined;
  if (!octets.subarray(at, at + MARKER_LENGTH).equals(mark)) return undefined;
  if (octets.readUInt32BE(at + MARKER_LENGTH) !== sequence) return undefined;
  const length = octets.readUInt32BE(at + MARKER_LENGTH + 4);
  if (octets.length - at < FRAME_OVERHEAD + length) return undefined;
  const checkAt = at + FRAME_HEAD_LENGTH + length;
  if (!check(fileId, octets.subarray(at, checkAt)).equals(octets.subarray(checkAt, checkAt + CHECK_LENGTH))) return undefined;
  const changes = decodeChanges(octets.subarray(at + FRAME_HEAD_LENGTH, checkAt));
  return changes && { changes, length: FRAME_OVERHEAD + length };
}

function decodeChanges(octets: Buffer): StoreChanges | undefined {
  const changes = new Map<string, Uint8Array | undefined>();
  const left = (at: number) => octets.length - at;
  for (let at = 0; at < octets.length; ) {
    if (left(at) < 3) return undefined;
    const kind = octets.readUInt8(at);
    const keyLength = octets.readUInt16BE(at + 1);
    at += 3;
    if (kind > PUT || keyLength > MAX_STORE_KEY_LENGTH || left(at) < keyLength) return undefined;
    const key = octets.toString('latin1', at, at + keyLength);
    at += keyLength;
    if (kind === DELETE) {
      changes.set(key, undefined);
      continue;
    }
    if (left(at) < 4) return undefined;
    const valueLength = octets.readUInt32BE(at);
    at += 4;
    if (left(at) < valueLength) return undefined;
    changes.set(key, octets.subarray(at, at + valueLength));
    at += valueLength;
  }
  return changes;
}

function marker(fileId: Uint8Array): Buffer {
  return createHash('sha256').update('frame').update(fileId).digest().subarray(0, MARKER_LENGTH);
}

function check(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, CHECK_LENGTH);
}

function damaged(path: string, at: number): CpnsError {
  const cure = 'restore it from a backup, or reset this device and enrol it again';
  return new CpnsError('State', 'StoreDamaged', `The state file ${path} is damaged from octet ${at} on and was left as it is; ${cure}.`);
}
