import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { MemoryLogger, SeededChoices, VirtualClock } from '@cpns/shared/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BundledProgram, bundleProgram } from '../../../shared/test/bundled-process.js';
import { FileStore } from '../../src/store/file-store.js';

const ROUNDS = 20;
const seed = 20;

let program: BundledProgram;
let directory: string;

beforeAll(async () => {
  program = await bundleProgram(new URL('./commit-loop.ts', import.meta.url));
  directory = await mkdtemp(join(tmpdir(), 'cpns-killed-'));
});
afterAll(async () => {
  await program.remove();
  await rm(directory, { recursive: true, force: true });
});

/** Lets a process commit until it has acknowledged `count` times, kills it, and gives the highest number it acknowledged. */
async function commitAndDie(count: number): Promise<number> {
  const child = program.start(directory);
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  let acknowledged = 0;
  let seen = 0;
  for await (const line of lines) {
    acknowledged = Math.max(acknowledged, Number(line));
    if (++seen === count) child.kill('SIGKILL');
  }
  expect((await ended)[1]).toBe('SIGKILL');
  return acknowledged;
}

const numberIn = (octets: Uint8Array | undefined) => (octets === undefined ? 0 : (new Uint32Array(octets.slice().buffer)[0] ?? 0));

it(`keeps exactly what was committed when it is killed, ${ROUNDS} times over (seed ${seed})`, async () => {
  const choices = new SeededChoices(seed);
  let before = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const acknowledged = await commitAndDie(1 + choices.below(60));
    const store = await FileStore.open({ directory, clock: new VirtualClock(), logger: new MemoryLogger() });
    const last = numberIn(store.get('last'));
    expect(last).toBeGreaterThan(before);
    expect(last).toBeGreaterThanOrEqual(acknowledged);
    expect(last).toBeLessThanOrEqual(acknowledged + 3);
    expect(numberIn(store.get('copy'))).toBe(last);
    const items = store.keys('item/').map((key) => Number(key.slice('item/'.length)));
    const expected = [4, 3, 2, 1, 0].map((back) => last - back).filter((item) => item > 0);
    expect(items.sort((a, b) => a - b)).toEqual(expected);
    for (const item of items) expect(store.get(`item/${item}`)).toEqual(new Uint8Array(500 + (item % 7) * 1_000).fill(item));
    before = last;
    await store.close();
  }
}, 60_000);
