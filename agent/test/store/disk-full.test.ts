import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileStore, type FileStoreOptions } from '../../src/store/file-store.js';
import { FaultyFiles } from './faulty-files.js';

/** A disk with little space, of which a test can take the rest away and give it back. */
interface SmallDisk {
  readonly directory: string;
  readonly options: Partial<FileStoreOptions>;
  fill(): Promise<void>;
  free(): Promise<void>;
  remove(): Promise<void>;
}

/** A file system of its own, of 512 KiB, in memory. Only root can make one. */
async function mountedDisk(): Promise<SmallDisk> {
  const mount = await mkdtemp(join(tmpdir(), 'cpns-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k,mode=700', 'cpns-test', mount]);
  const ballast = join(mount, 'ballast');
  return {
    directory: join(mount, 'state'),
    options: {},
    fill: () => writeFile(ballast, new Uint8Array(512 * 1024)).catch(() => {}),
    free: () => unlink(ballast),
    remove: async () => {
      execFileSync('umount', [mount]);
      await rm(mount, { recursive: true });
    },
  };
}

/** A directory whose disk pretends to be full. */
async function pretendedDisk(): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'cpns-full-'));
  const files = new FaultyFiles();
  return {
    directory,
    options: { files },
    fill: async () => {
      files.freeOctets = 1_000;
    },
    free: async () => {
      files.freeOctets = undefined;
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}

const disks: [string, () => Promise<SmallDisk>][] = [['A disk that pretends to be full', pretendedDisk]];
if (process.getuid?.() === 0 && process.platform === 'linux') disks.push(['A full disk', mountedDisk]);

describe.each(disks)('%s', (_, make) => {
  let disk: SmallDisk;
  let store: FileStore;
  const open = () => FileStore.open({ directory: disk.directory, clock: new VirtualClock(), logger: new MemoryLogger(), ...disk.options });
  const put = (key: string, length: number) => store.commit(new Map([[key, new Uint8Array(length).fill(1)]]));

  beforeEach(async () => {
    disk = await make();
    store = await open();
  });
  afterEach(async () => {
    await store.close();
    await disk.remove();
  });

  it('refuses a commit in one sentence, keeps nothing of it, and takes it once there is space', async () => {
    await put('before', 10);
    await disk.fill();
    for (let round = 0; round < 3; round++) {
      await expect(put('large', 60_000)).rejects.toMatchObject({
        family: 'State',
        code: 'DiskFull',
        retryable: true,
        message: expect.stringMatching(/^The disk that holds .* is full; free some space on it and try again\.$/),
      });
    }
    expect(store.keys('')).toEqual(['before']);
    await disk.free();
    await put('large', 60_000);
    await put('after', 10);
    await store.close();
    store = await open();
    expect(store.keys('')).toEqual(['after', 'before', 'large']);
    expect(store.get('large')).toEqual(new Uint8Array(60_000).fill(1));
  });

  it('can be killed while it is full: the next process finds what had been committed', async () => {
    await put('before', 10);
    await disk.fill();
    await expect(put('large', 60_000)).rejects.toMatchObject({ code: 'DiskFull' });
    const next = await open();
    expect(next.keys('')).toEqual(['before']);
    await disk.free();
    await next.close();
  });

  it('tells nobody that a deletion happened which did not, and deletes once there is space', async () => {
    await put('secret', 10);
    await disk.fill();
    for (let i = 0; i < 200; i++) await put(`filler${i}`, 500).catch(() => {});
    const deletion = store.commit(new Map([['secret', undefined]]));
    const deleted = await deletion.then(
      () => true,
      () => false,
    );
    expect(store.get('secret') === undefined).toBe(deleted);
    await disk.free();
    await store.commit(new Map([['secret', undefined]]));
    expect(store.get('secret')).toBeUndefined();
  });
});
