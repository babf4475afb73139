import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { toHex } from '@cpns/shared/security';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BundledProgram, bundleProgram } from '../../../shared/test/bundled-process.js';
import { testDatabase, testDirectory } from './fixture.js';

let writer: BundledProgram;

beforeAll(async () => {
  writer = await bundleProgram(new URL('./crash-writer.ts', import.meta.url));
}, 60_000);
afterAll(() => writer.remove());

it('loses nothing that was acknowledged when the process is killed, time and again', async () => {
  const path = `${testDirectory()}/crash.db`;
  const acknowledged = new Set<string>();
  for (const enough of [1, 40, 150, 400]) {
    const child = writer.start(path);
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const exited = once(child, 'exit');
    const before = acknowledged.size;
    lines.on('line', (line) => {
      if (line.length === 32) acknowledged.add(line);
      if (acknowledged.size >= before + enough) child.kill('SIGKILL');
    });
    await Promise.all([exited, once(lines, 'close')]);
    expect(acknowledged.size).toBeGreaterThanOrEqual(before + enough);
  }

  const { db } = testDatabase({ path });
  const stored = new Set(db.reads.receivedData.latest(100_000).map((data) => toHex(data.messageId)));
  const events = new Set(db.reads.events.latest(100_000).map((event) => event.text));
  expect([...acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  expect(
    [...stored].filter((id) => !events.has(id)),
    'both rows of a transaction or none',
  ).toEqual([]);
  expect(events.size).toBe(stored.size);
}, 60_000);
