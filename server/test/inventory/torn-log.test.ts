import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../src/inventory/database.js';
import { octets, testDatabase, testDirectory } from './fixture.js';

/** A database file as a power cut leaves it: the log behind it ends, or is garbled, anywhere. */
interface Left {
  readonly database: Uint8Array;
  readonly log: Uint8Array;
  /** How long the log was when each transaction was acknowledged. */
  readonly ends: readonly number[];
}

const TRANSACTIONS = 12;

async function store(db: Database, i: number): Promise<void> {
  await db.transact((tx) => {
    tx.receivedData.store({
      from: 'phone' as never,
      messageId: octets(16, i),
      channel: 'c',
      contentType: 't',
      payload: octets(100 * i, i),
    });
    tx.events.add({ event: 'stored', text: String(i) });
  });
}

async function powerCut(): Promise<Left> {
  const directory = testDirectory();
  const path = `${directory}/cpns.db`;
  const { db } = testDatabase({ path });
  const ends: number[] = [];
  for (let i = 1; i <= TRANSACTIONS; i++) {
    await store(db, i);
    ends.push(statSync(`${path}-wal`).size);
  }
  for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${directory}/left${end}`);
  return { database: readFileSync(`${directory}/left`), log: readFileSync(`${directory}/left-wal`), ends };
}

/** Which transactions a server finds that starts on these files; both rows of each, or it fails. */
async function found(database: Uint8Array, log: Uint8Array): Promise<number[]> {
  const path = `${testDirectory()}/cpns.db`;
  writeFileSync(path, database, { mode: 0o600 });
  writeFileSync(`${path}-wal`, log, { mode: 0o600 });
  const { db } = testDatabase({ path });
  const stored = db.reads.receivedData.latest(100).map((data) => data.messageId[0] as number);
  const events = db.reads.events.latest(100).map((event) => Number(event.text));
  expect(stored.sort((a, b) => a - b)).toEqual(events.sort((a, b) => a - b));
  await store(db, 99);
  await db.close();
  return stored;
}

const first = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

describe('the log of a database that a power cut', () => {
  it('has cut anywhere holds every transaction before the cut, and none after it', async () => {
    const { database, log, ends } = await powerCut();
    for (const [i, end] of ends.entries()) {
      const before = ends[i - 1] ?? end - 1;
      for (const [length, whole] of [
        [end, i + 1],
        [end - 1, i],
        [Math.floor((before + end) / 2), i],
      ] as const) {
        expect(await found(database, log.subarray(0, length)), `cut at ${length}`).toEqual(first(whole));
      }
    }
  }, 60_000);

  it('has garbled behind a transaction that was acknowledged holds that one and all before it', async () => {
    const { database, log, ends } = await powerCut();
    for (const [i, end] of ends.entries()) {
      const torn = Uint8Array.from(log);
      torn.fill(0xa5, end);
      expect(await found(database, torn)).toEqual(first(i + 1));
    }
  }, 60_000);
});
