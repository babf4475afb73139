import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogger, SeededChoices, VirtualClock } from '@cpns/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileStore } from '../../src/store/file-store.js';
import { FaultyFiles } from './faulty-files.js';

let directory: string;
let logger: MemoryLogger;
const path = () => join(directory, 'state.log');

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cpns-damage-'));
  logger = new MemoryLogger();
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (files?: FaultyFiles) => FileStore.open({ directory, clock: new VirtualClock(), logger, ...(files && { files }) });

/** What the keys are after `n` commits were kept. */
const after = (n: number) => Array.from({ length: n }, (_, i) => `k${i}`);

/** A file with two keys in the snapshot and four commits behind it, and where each of them ends. */
async function sampleFile(): Promise<{ octets: Buffer; ends: number[] }> {
  const first = await open();
  for (const key of ['k0', 'k1']) await first.commit(new Map([[key, new Uint8Array(300).fill(1)]]));
  await first.commit(new Map([['gone', new Uint8Array(3)]]));
  await first.commit(new Map([['gone', undefined]]));
  await first.close();
  const files = new FaultyFiles();
  const second = await open(files);
  const ends = [(await readFile(path())).length];
  for (const key of ['k2', 'k3', 'k4', 'k5']) {
    await second.commit(new Map([[key, new Uint8Array(200).fill(2)]]));
    ends.push((await readFile(path())).length);
  }
  files.dead = true;
  await second.close();
  return { octets: await readFile(path()), ends };
}

/** Keys found, or the code of the refusal. */
async function found(): Promise<string[] | string> {
  try {
    const files = new FaultyFiles();
    const store = await open(files);
    const keys = store.keys('');
    files.dead = true;
    await store.close();
    return keys;
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('A state file', () => {
  it('that was cut anywhere behind its snapshot has every commit before the cut, and none after', async () => {
    const { octets, ends } = await sampleFile();
    const [snapshotEnd = 0] = ends;
    for (let length = snapshotEnd; length <= octets.length; length += 7) {
      await writeFile(path(), octets);
      await truncate(path(), length);
      const whole = ends.filter((end) => end <= length);
      expect(await found()).toEqual(after(1 + whole.length));
      expect((await readFile(path())).length).toBe(whole.at(-1));
    }
  });

  it('whose last commit is garbled in any way is opened without it, and takes new ones', async () => {
    const { octets, ends } = await sampleFile();
    const from = ends.at(-2) ?? 0;
    const choices = new SeededChoices(1);
    for (let round = 0; round < 40; round++) {
      const garbled = Buffer.from(octets);
      const at = from + choices.below(octets.length - from);
      const upTo = round % 2 === 0 ? at + 1 : at + choices.below(octets.length - at) + 1;
      garbled.fill(round % 4 === 1 ? 0 : (garbled[at] ?? 0) ^ 0x55, at, upTo);
      if (garbled.equals(octets)) continue;
      await writeFile(path(), garbled);
      expect(await found()).toEqual(after(5));
    }
    expect(logger.find('had not ended', 'notice').length).toBeGreaterThan(0);
    const store = await open();
    await store.commit(new Map([['k5', new Uint8Array(1)]]));
    await store.close();
    expect(await found()).toEqual(after(6));
  });

  it('with every other octet damaged is refused, left as it is, and the sentence says what to do', async () => {
    const { octets, ends } = await sampleFile();
    const lastBegins = ends.at(-2) ?? 0;
    for (let at = 0; at < lastBegins; at += 5) {
      const damaged = Buffer.from(octets);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      await writeFile(path(), damaged);
      expect([at, await found()]).toEqual([at, at >= 8 && at < 12 ? 'StoreTooNew' : 'StoreDamaged']);
      expect(await readFile(path())).toEqual(damaged);
    }
    await expect(open()).rejects.toMatchObject({
      family: 'State',
      message: expect.stringMatching(/restore it from a backup, or reset this device/),
    });
  });

  it('that lost a part from its middle is refused', async () => {
    const { octets, ends } = await sampleFile();
    const [snapshotEnd = 0, first = 0, second = 0] = ends;
    await writeFile(path(), Buffer.concat([octets.subarray(0, first), octets.subarray(second)]));
    expect(await found()).toBe('StoreDamaged');
    await writeFile(path(), Buffer.concat([octets.subarray(0, snapshotEnd), octets.subarray(first)]));
    expect(await found()).toBe('StoreDamaged');
  });

  it('that is shorter than its snapshot is refused, never taken for new', async () => {
    const { octets, ends } = await sampleFile();
    for (let length = 0; length < (ends[0] ?? 0); length += 11) {
      await writeFile(path(), octets.subarray(0, length));
      expect([length, await found()]).toEqual([length, 'StoreDamaged']);
    }
  });

  it('that is something else, or of a later version, is refused', async () => {
    await writeFile(path(), '{"keys": []}\n'.repeat(20), { mode: 0o600 });
    expect(await found()).toBe('StoreDamaged');
    await rm(path());
    const { octets } = await sampleFile();
    octets.writeUInt32BE(2, 8);
    await writeFile(path(), octets);
    await expect(open()).rejects.toMatchObject({ code: 'StoreTooNew', message: expect.stringContaining('newer version') });
  });

  it('is not confused by values that look like a state file', async () => {
    const { octets } = await sampleFile();
    await rm(path());
    const files = new FaultyFiles();
    const store = await open(files);
    await store.commit(new Map([['evil', new Uint8Array(octets)]]));
    await store.commit(new Map([['last', new Uint8Array(octets)]]));
    files.dead = true;
    await store.close();
    await truncate(path(), (await readFile(path())).length - 1);
    expect(await found()).toEqual(['evil']);
  });
});
