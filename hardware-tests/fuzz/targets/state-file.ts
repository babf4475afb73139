import { createHash } from 'node:crypto';
import { encodeFrame, encodeHeader, readLog } from '@cpns/agent';
import { STORE_LIMITS, StoreContents } from '@cpns/shared';
import { must, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

const FILE_ID = new Uint8Array(16).fill(0x77);
const HEADER_LENGTH = encodeHeader(FILE_ID, 0).length;
const CHECK_LENGTH = 16;
const FRAME_HEAD = 16;
const LENGTH_AT = 12;

const COMMITS: readonly ReadonlyMap<string, Uint8Array | undefined>[] = [
  new Map([['boot', new Uint8Array([1])]]),
  new Map<string, Uint8Array | undefined>([
    ['pn/00112233445566778899aabbccddeeff', new Uint8Array(300).fill(9)],
    ['boot', undefined],
  ]),
  new Map(),
];

function check(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest().subarray(0, CHECK_LENGTH);
}

/** The file with checks that fit its contents: what a fault in memory, or somebody with access to the disk, leaves. */
function repaired(data: Uint8Array): Buffer {
  const file = Buffer.from(data);
  if (file.length < HEADER_LENGTH) return file;
  const headerEnd = HEADER_LENGTH - CHECK_LENGTH;
  check(file.subarray(0, headerEnd)).copy(file, headerEnd);
  const fileId = file.subarray(12, 28);
  for (let at = HEADER_LENGTH; at + FRAME_HEAD + CHECK_LENGTH <= file.length; ) {
    const end = at + FRAME_HEAD + file.readUInt32BE(at + LENGTH_AT);
    if (end + CHECK_LENGTH > file.length) break;
    check(fileId, file.subarray(at, end)).copy(file, end);
    at = end + CHECK_LENGTH;
  }
  return file;
}

export const stateFile: FuzzTarget = {
  name: 'state-file',
  title: "the agent's state file",
  seeds() {
    const frames = COMMITS.map((changes, i) => encodeFrame(FILE_ID, i, changes));
    const snapshot = HEADER_LENGTH + (frames[0]?.length ?? 0);
    return new Map([
      ['empty', encodeHeader(FILE_ID, HEADER_LENGTH)],
      ['one-commit', Buffer.concat([encodeHeader(FILE_ID, HEADER_LENGTH), ...frames.slice(0, 1)])],
      ['three-commits', Buffer.concat([encodeHeader(FILE_ID, snapshot), ...frames])],
      ['torn', Buffer.concat([encodeHeader(FILE_ID, snapshot), ...frames.slice(0, 1), (frames[1] ?? Buffer.alloc(0)).subarray(0, 100)])],
    ]);
  },
  open: () => ({
    fuzz(data) {
      for (const file of [Buffer.from(data), repaired(data)]) {
        const contents = new StoreContents(STORE_LIMITS);
        const read = unlessRefused(['State'], () => readLog(file, 'state.log', (changes) => contents.apply(changes)));
        if (read === undefined) continue;
        must(read.end >= HEADER_LENGTH && read.end <= file.length, 'the file ends where it cannot');
        const again = readLog(file.subarray(0, read.end), 'state.log', () => {});
        must(again.end === read.end && again.nextSequence === read.nextSequence, 'a file without its torn end is read otherwise');
      }
    },
  }),
};
