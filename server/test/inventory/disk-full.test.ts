import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '@cpns/shared/security';
import { expect, it, onTestFinished } from 'vitest';
import { addAlice, laptop, octets, testDatabase, testDirectory } from './fixture.js';

/** A file system of one MiB in memory, or undefined where that is not allowed. */
function smallDisk(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const directory = testDirectory();
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', directory], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  onTestFinished(() => void execFileSync('umount', ['-l', directory]));
  return directory;
}

function messageId(i: number): Uint8Array {
  const id = octets(16, 0);
  new DataView(id.buffer).setUint32(0, i);
  return id;
}

it('keeps every acknowledged transaction when the disk is full, says so, and goes on once there is room', async ({ skip }) => {
  const disk = smallDisk();
  if (disk === undefined) return skip('needs root and tmpfs');
  const ballast = join(disk, 'ballast');
  writeFileSync(ballast, octets(300_000));
  const path = join(disk, 'cpns.db');
  const { db } = testDatabase({ path });
  await db.transact(addAlice);

  const store = (i: number) =>
    db.transact((tx) =>
      tx.receivedData.store({ from: laptop, messageId: messageId(i), channel: 'c', contentType: 'x/y', payload: octets(2_000) }),
    );
  const acknowledged: string[] = [];
  let failed: unknown;
  for (let i = 0; failed === undefined && i < 5_000; i += 4) {
    const outcomes = await Promise.allSettled([0, 1, 2, 3].map((j) => store(i + j)));
    outcomes.forEach((outcome, j) => {
      if (outcome.status === 'fulfilled') acknowledged.push(toHex(messageId(i + j)));
      else failed = outcome.reason;
    });
  }
  expect(failed).toMatchObject({ family: 'State', code: 'DiskFull', retryable: true, message: expect.stringContaining('free some space') });
  expect(acknowledged.length).toBeGreaterThan(10);
  const stored = () =>
    db.reads.receivedData
      .latest(10_000)
      .map((data) => toHex(data.messageId))
      .reverse();
  expect(stored(), 'reads go on').toEqual(acknowledged);

  expect(db.problem).toContain('free some space');

  rmSync(ballast);
  await store(9_999);
  expect(db.problem).toBeUndefined();
  expect(stored()).toEqual([...acknowledged, toHex(messageId(9_999))]);
  await db.close();
  const again = testDatabase({ path });
  expect(again.db.reads.receivedData.latest(10_000)).toHaveLength(acknowledged.length + 1);
});

it('says so when there is no room even to begin', ({ skip }) => {
  const disk = smallDisk();
  if (disk === undefined) return skip('needs root and tmpfs');
  try {
    writeFileSync(join(disk, 'ballast'), octets(2_000_000));
  } catch {
    // What fits is there.
  }
  expect(() => testDatabase({ path: join(disk, 'cpns.db') })).toThrowError(expect.objectContaining({ code: 'DiskFull' }));
});
