import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemEntropy } from '@cpns/shared/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createMasterKey, loadMasterKey } from '../../src/keys/master-key.js';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cpns-master-key-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('master key', () => {
  it('is drawn once, closed to others, and read back', async () => {
    const state = await directory();
    await createMasterKey(state, systemEntropy);
    const path = join(state, 'master.key');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const key = await loadMasterKey(state);
    expect(key.length).toBe(32);
    expect(Buffer.from(key.reveal())).toEqual(await readFile(path));
    expect(`${key}`).toBe('[secret master key]');
  });

  it('is never overwritten', async () => {
    const state = await directory();
    await createMasterKey(state, systemEntropy);
    const before = await readFile(join(state, 'master.key'));
    await expect(createMasterKey(state, systemEntropy)).rejects.toMatchObject({ code: 'MasterKeyExists' });
    expect(await readFile(join(state, 'master.key'))).toEqual(before);
  });

  it.each([0o640, 0o604, 0o620, 0o666])('is refused with mode %o', async (mode) => {
    const state = await directory();
    await createMasterKey(state, systemEntropy);
    await chmod(join(state, 'master.key'), mode);
    await expect(loadMasterKey(state)).rejects.toMatchObject({
      code: 'UnsafePermissions',
      message: expect.stringContaining(`chmod 600 ${join(state, 'master.key')}`),
    });
  });

  it.each([0, 31, 33, 100])('is refused with %i octets', async (length) => {
    const state = await directory();
    await writeFile(join(state, 'master.key'), Buffer.alloc(length), { mode: 0o600 });
    await expect(loadMasterKey(state)).rejects.toMatchObject({ family: expect.stringMatching(/State|Config/) });
  });

  it('says how to make a server where there is none', async () => {
    const state = await directory();
    await expect(loadMasterKey(state)).rejects.toMatchObject({
      code: 'NotInitialised',
      message: expect.stringContaining('cpns-server init'),
    });
  });

  it('comes from the systemd credential first', async () => {
    const state = await directory();
    const credentials = await directory();
    await createMasterKey(state, systemEntropy);
    await writeFile(join(credentials, 'cpns-master-key'), Buffer.alloc(32, 5), { mode: 0o400 });
    expect((await loadMasterKey(state, credentials)).reveal()).toEqual(new Uint8Array(32).fill(5));
    expect((await loadMasterKey(state, join(credentials, 'nothing-here'))).reveal()).not.toEqual(new Uint8Array(32).fill(5));
    await writeFile(join(credentials, 'cpns-master-key'), Buffer.alloc(33), { mode: 0o400 }).catch(() => {});
    await rm(join(credentials, 'cpns-master-key'));
    await writeFile(join(credentials, 'cpns-master-key'), Buffer.alloc(33));
    await expect(loadMasterKey(state, credentials)).rejects.toMatchObject({ code: 'MasterKeyDamaged' });
  });

  it('is no device or directory that somebody put there', async () => {
    const state = await directory();
    await symlink('/dev/zero', join(state, 'master.key'));
    await expect(loadMasterKey(state)).rejects.toMatchObject({ code: 'NotAFile' });
  });
});
