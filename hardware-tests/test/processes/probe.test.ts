import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import { afterEach, expect, test } from 'vitest';
import { Keeper } from '../../processes/keeper.js';
import { probe } from '../../processes/probe.js';
import { Program } from '../../processes/program.js';

const BUILT = (file: string) => new URL(`../../dist/processes/${file}`, import.meta.url);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A program that waits for ever, and keeps or drops a great buffer when it is told to. */
async function program(source: string): Promise<Program> {
  const directory = await mkdtemp(join(tmpdir(), 'cpns-probe-'));
  const file = join(directory, 'program.mjs');
  await writeFile(file, source);
  const keeper = new Keeper(BUILT('keeper-main.js').pathname);
  closing.push(
    () => rm(directory, { recursive: true }),
    () => keeper.close(),
  );
  const command = [process.execPath, '--import', BUILT('probe-main.js').href, file];
  return new Program({ name: 'probed', command, clock: new SystemClock(), keeper });
}

test('tells memory after a collection, handles, files and processor time, as often as it is asked', async () => {
  const asked = await program(`
    let kept = new Uint8Array(50_000_000).fill(1);
    console.log('begun', kept.length);
    setTimeout(() => { kept = undefined; console.log('dropped'); }, 300);
    setInterval(() => {}, 1000);
  `);
  await asked.line((line) => line.startsWith('begun') || undefined, 10_000);
  const before = await probe(asked);
  expect(before.externalOctets).toBeGreaterThan(50_000_000);
  expect(before.rssOctets).toBeGreaterThan(before.externalOctets);
  expect(before.handles).toBeGreaterThan(0);
  expect(before.cpuMs).toBeGreaterThan(0);
  if (process.platform === 'linux') expect(before.files).toBeGreaterThan(3);
  await asked.line((line) => line === 'dropped' || undefined, 10_000);
  const after = await probe(asked);
  expect(after.externalOctets).toBeLessThan(before.externalOctets - 49_000_000);
});

test('a probed program ends by itself when it has nothing left to do', async () => {
  const ending = await program('console.log(1)');
  expect(await ending.ended).toEqual({ code: 0, signal: null });
});

test('a program that does not run cannot be asked', async () => {
  await expect(probe(undefined)).rejects.toMatchObject({ code: 'NotProbed' });
});
