import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeStore, SMALL_TOTAL_OCTETS } from '../../../shared/test/compliance/store-compliance.js';
import { FileStore, type FileStoreOptions } from '../../src/store/file-store.js';
import { FaultyFiles } from './faulty-files.js';

let directory: string;
let clock: VirtualClock;
let logger: MemoryLogger;
const opened: FileStore[] = [];

beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'cpns-store-')), 'state');
  clock = new VirtualClock();
  logger = new MemoryLogger();
});
afterEach(async () => {
  for (const store of opened.splice(0)) await store.close();
  await rm(join(directory, '..'), { recursive: true, force: true });
});

async function open(options: Partial<FileStoreOptions> = {}): Promise<FileStore> {
  const store = await FileStore.open({ directory, clock, logger, ...options });
  opened.push(store);
  return store;
}

describeStore('FileStore', async () => {
  const place = await mkdtemp(join(tmpdir(), 'cpns-store-'));
  const files = new FaultyFiles();
  const options = { directory: place, clock: new VirtualClock(), logger: new MemoryLogger(), maxTotalOctets: SMALL_TOTAL_OCTETS };
  let store = await FileStore.open({ ...options, files });
  const first = store;
  const again = async () => {
    store = await FileStore.open(options);
    return store;
  };
  return {
    store,
    reopen: async () => {
      await first.close();
      return again();
    },
    crash: async () => {
      files.dead = true;
      await first.idle();
      return again();
    },
    dispose: async () => {
      await first.close();
      await store.close();
      await rm(place, { recursive: true, force: true });
    },
  };
});

const path = () => join(directory, 'state.log');
const put = (key: string, ...values: number[]): [string, Uint8Array] => [key, Uint8Array.from(values)];
const commit = (store: FileStore, ...changes: [string, Uint8Array | undefined][]) => store.commit(new Map(changes));
const canary = new TextEncoder().encode('canary-of-a-deleted-key-0123456789');
const onDisk = async () => {
  const files = await Promise.all((await readdir(directory)).map((name) => readFile(join(directory, name))));
  return files.some((octets) => octets.includes(Buffer.from(canary)));
};

describe('FileStore', () => {
  it('makes a directory and a file that nobody else can read', async () => {
    await open();
    expect([(await stat(directory)).mode & 0o777, (await stat(path())).mode & 0o777]).toEqual([0o700, 0o600]);
  });

  it('refuses a directory or a file that others can read, with the command that cures it', async () => {
    await mkdir(directory, { mode: 0o750 });
    await chmod(directory, 0o750);
    await expect(open()).rejects.toMatchObject({ code: 'UnsafePermissions', message: expect.stringContaining(`chmod 700 ${directory}`) });
    await chmod(directory, 0o700);
    await (await open()).close();
    await chmod(path(), 0o640);
    await expect(open()).rejects.toMatchObject({ code: 'UnsafePermissions', message: expect.stringContaining(`chmod 600 ${path()}`) });
  });

  it('syncs once for commits that wait together, and once for each that waits alone', async () => {
    const files = new FaultyFiles();
    const store = await open({ files });
    const syncs = () => files.count.get('datasync') ?? 0;
    const before = syncs();
    await Promise.all(Array.from({ length: 40 }, (_, i) => commit(store, put(`k${i}`, i))));
    expect(syncs() - before).toBe(1);
    await commit(store, put('alone', 1));
    expect(syncs() - before).toBe(2);
  });

  it('has acknowledged nothing before it is synced', async () => {
    const files = new FaultyFiles();
    const store = await open({ files });
    await commit(store, put('a', 1));
    files.broken.set('datasync', 'EIO');
    await expect(commit(store, put('a', 2))).rejects.toMatchObject({ family: 'State', code: 'StoreFailed' });
    expect(store.get('a')).toEqual(Uint8Array.of(1));
    files.dead = true;
    expect((await open()).get('a')).toEqual(Uint8Array.of(1));
  });

  it('trusts no file whose syncing has failed: it writes a new one before it goes on', async () => {
    const files = new FaultyFiles();
    const store = await open({ files });
    await commit(store, put('a', 1));
    files.brokenOnce.set('datasync', 'EIO');
    await expect(commit(store, put('b', 2))).rejects.toMatchObject({ code: 'StoreFailed' });
    const renames = files.count.get('rename') ?? 0;
    await commit(store, put('c', 3));
    expect(files.count.get('rename')).toBe(renames + 1);
    files.dead = true;
    expect((await open()).keys('')).toEqual(['a', 'c']);
  });

  it.each(['open', 'rename', 'sync'] as const)('keeps everything when rewriting fails at %s, and tries again later', async (call) => {
    const files = new FaultyFiles();
    const store = await open({ files });
    await commit(store, ['key', canary], put('a', 1));
    await commit(store, ['key', undefined]);
    files.broken.set(call, 'EIO');
    await clock.advance(1_000);
    await store.idle();
    expect(logger.find('could not be rewritten', 'warn')).toHaveLength(1);
    files.broken.clear();
    await commit(store, put('b', 2));
    await clock.advance(60_000);
    await store.idle();
    expect(await onDisk()).toBe(false);
    files.dead = true;
    expect((await open()).keys('')).toEqual(['a', 'b']);
  });

  it('removes a deleted value from the disk within a second', async () => {
    const store = await open();
    await commit(store, ['key', canary], put('kept', 1));
    await commit(store, ['key', undefined]);
    expect(await onDisk()).toBe(true);
    await clock.advance(1_000);
    await store.idle();
    expect(await onDisk()).toBe(false);
    expect(store.keys('')).toEqual(['kept']);
  });

  it('removes a replaced value from the disk after some minutes', async () => {
    const store = await open();
    await commit(store, ['key', canary]);
    await commit(store, put('key', 1));
    await clock.advance(599_000);
    await store.idle();
    expect(await onDisk()).toBe(true);
    await clock.advance(1_000);
    await store.idle();
    expect(await onDisk()).toBe(false);
  });

  it('leaves no deleted value when it is closed, nor after a crash and the next start', async () => {
    const store = await open();
    await commit(store, ['key', canary]);
    await commit(store, ['key', undefined]);
    await store.close();
    expect(await onDisk()).toBe(false);

    const files = new FaultyFiles();
    const second = await open({ files });
    await commit(second, ['key', canary]);
    await commit(second, ['key', undefined]);
    files.dead = true;
    const third = await open();
    await clock.advance(1_000);
    await third.idle();
    expect(await onDisk()).toBe(false);
  });

  it('removes what a killed rewriting left, as it holds keys', async () => {
    await (await open()).close();
    await writeFile(join(directory, 'state.log.0011223344556677.tmp'), canary, { mode: 0o600 });
    await writeFile(join(directory, 'somebody-elses.tmp'), 'stays');
    await open();
    expect((await readdir(directory)).sort()).toEqual(['somebody-elses.tmp', 'state.log']);
  });

  it('does not let the file grow without bound', async () => {
    const store = await open();
    const value = new Uint8Array(20_000);
    for (let i = 0; i < 60; i++) await commit(store, ['same', value.fill(i)]);
    await store.idle();
    expect((await stat(path())).size).toBeLessThan(300 * 1024);
    expect(store.get('same')?.[0]).toBe(59);
  });

  it('makes room for a commit when the disk is full of what was replaced', async () => {
    const files = new FaultyFiles();
    const store = await open({ files });
    for (let i = 0; i < 10; i++) await commit(store, ['same', new Uint8Array(1_000)]);
    files.freeOctets = 1_500;
    await commit(store, ['new', new Uint8Array(2_000)]);
    expect(store.keys('')).toEqual(['new', 'same']);
    await expect(commit(store, ['too-much', new Uint8Array(20_000)])).rejects.toMatchObject({ code: 'DiskFull' });
    files.dead = true;
    expect((await open()).keys('')).toEqual(['new', 'same']);
  });

  it('refuses to be used, and says why, after it is closed', async () => {
    const store = await open();
    const pending = commit(store, put('a', 1));
    await Promise.all([store.close(), store.close()]);
    await pending;
    expect(() => store.get('a')).toThrow(expect.objectContaining({ family: 'State', code: 'StoreClosed' }));
    await expect(commit(store, put('a', 1))).rejects.toMatchObject({ code: 'StoreClosed' });
    expect(clock.pending).toBe(0);
    expect((await open()).get('a')).toEqual(Uint8Array.of(1));
  });
});
