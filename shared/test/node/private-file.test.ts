import { execFileSync } from 'node:child_process';
import type { Stats } from 'node:fs';
import nodeFiles, { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ensurePrivateDirectory, type FileSystem, readPrivateFile, requirePrivate, writePrivateFile } from '../../src/node/index.js';

let directory: string;
const octets = (text: string) => new TextEncoder().encode(text);

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cpns-private-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

describe('writePrivateFile', () => {
  it('writes a file that only its owner can read, and leaves nothing beside it', async () => {
    const path = join(directory, 'key');
    await writePrivateFile(path, octets('one'));
    await writePrivateFile(path, octets('two'));
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readPrivateFile(path, 100)).toEqual(octets('two'));
    expect(await readdir(directory)).toEqual(['key']);
  });

  it.each([
    ['open', 'ENOSPC', 'DiskFull'],
    ['rename', 'EDQUOT', 'DiskFull'],
    ['rename', 'EACCES', 'NoAccess'],
    ['open', 'EROFS', 'ReadOnly'],
    ['rename', 'EIO', 'StoreFailed'],
  ] as const)('keeps the old file when %s fails with %s, and says %s', async (call, code, expected) => {
    const path = join(directory, 'key');
    await writePrivateFile(path, octets('old'));
    const failing: FileSystem = { ...nodeFiles, [call]: () => Promise.reject(Object.assign(new Error(code), { code })) };
    await expect(writePrivateFile(path, octets('new'), failing)).rejects.toMatchObject({
      family: 'State',
      code: expected,
      retryable: expected === 'DiskFull',
    });
    expect(await readPrivateFile(path, 100)).toEqual(octets('old'));
    expect(await readdir(directory)).toEqual(['key']);
  });
});

describe('readPrivateFile', () => {
  it('gives undefined when there is none', async () => {
    expect(await readPrivateFile(join(directory, 'none'), 100)).toBeUndefined();
  });

  it.each([0o640, 0o604, 0o644, 0o660, 0o666, 0o601])('refuses mode %o with the command that cures it', async (mode) => {
    const path = join(directory, "it's a key");
    await writeFile(path, 'x');
    await chmod(path, mode);
    const refused = await readPrivateFile(path, 100).catch((error: Error) => error);
    expect(refused).toMatchObject({ family: 'Config', code: 'UnsafePermissions' });
    execFileSync('/bin/sh', ['-c', (refused as Error).message.split('close it with: ')[1] as string]);
    expect(await readPrivateFile(path, 100)).toEqual(octets('x'));
  });

  it.each([0o600, 0o400])('takes mode %o', async (mode) => {
    const path = join(directory, 'key');
    await writeFile(path, 'x');
    await chmod(path, mode);
    expect(await readPrivateFile(path, 100)).toEqual(octets('x'));
  });

  it('checks what a symbolic link leads to', async () => {
    await writeFile(join(directory, 'target'), 'x', { mode: 0o644 });
    await symlink('target', join(directory, 'link'));
    await expect(readPrivateFile(join(directory, 'link'), 100)).rejects.toMatchObject({ code: 'UnsafePermissions' });
  });

  it('refuses a file larger than it may be', async () => {
    const path = join(directory, 'key');
    await writePrivateFile(path, new Uint8Array(101));
    await expect(readPrivateFile(path, 100)).rejects.toMatchObject({ family: 'Config', code: 'FileTooLarge' });
    expect(await readPrivateFile(path, 101)).toHaveLength(101);
  });

  it('does not wait for a FIFO, and refuses it and a directory', async () => {
    const fifo = join(directory, 'fifo');
    execFileSync('mkfifo', ['-m', '600', fifo]);
    await expect(readPrivateFile(fifo, 100)).rejects.toMatchObject({ code: 'NotAFile' });
    await expect(readPrivateFile(directory, 100)).rejects.toMatchObject({ code: 'NotAFile' });
  });
});

describe('ensurePrivateDirectory', () => {
  it('makes the whole path for this user alone', async () => {
    const path = join(directory, 'a', 'b');
    await ensurePrivateDirectory(path);
    await ensurePrivateDirectory(path);
    expect([(await stat(path)).mode & 0o777, (await stat(join(directory, 'a'))).mode & 0o777]).toEqual([0o700, 0o700]);
  });

  it('refuses one that others can enter', async () => {
    const path = join(directory, 'open');
    await mkdir(path, { mode: 0o755 });
    await expect(ensurePrivateDirectory(path)).rejects.toMatchObject({
      code: 'UnsafePermissions',
      message: `${path} is open to other users of this computer (mode 0755); close it with: chmod 700 ${path}`,
    });
  });

  it('says what is in the way', async () => {
    await writeFile(join(directory, 'file'), '');
    for (const path of ['file', 'file/below']) {
      await expect(ensurePrivateDirectory(join(directory, path))).rejects.toMatchObject({ family: 'Config', code: 'NotADirectory' });
    }
  });
});

describe('requirePrivate', () => {
  const stats = (uid: number, mode = 0o600) => ({ uid, mode, isDirectory: () => false }) as Stats;
  const ownUid = process.getuid?.() ?? 0;

  it('refuses what belongs to another user', () => {
    expect(() => requirePrivate('/p', stats(ownUid + 4_000))).toThrow(
      expect.objectContaining({
        code: 'UnsafeOwner',
        message: `/p belongs to another user (user id ${ownUid + 4_000}); make it yours with: sudo chown ${ownUid} /p`,
      }),
    );
  });

  it('takes what belongs to root, who can read everything anyway', () => {
    requirePrivate('/p', stats(0));
    expect(() => requirePrivate('/p', stats(0, 0o644))).toThrow(expect.objectContaining({ code: 'UnsafePermissions' }));
  });
});

it('writes octets exactly', async () => {
  const path = join(directory, 'all');
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  await writePrivateFile(path, all);
  expect(new Uint8Array(await readFile(path))).toEqual(all);
});
