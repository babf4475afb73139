import { execFileSync } from 'node:child_process';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startServer } from '../../src/compose.js';
import { addHome, home, octets, testDatabase } from '../inventory/fixture.js';
import { initialisedState, RunningServer, testSettings } from './running-server.js';

/** A port that something else listens on. */
async function takenPort(): Promise<number> {
  const other = createServer();
  await new Promise<void>((resolve) => void other.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void other.close());
  return (other.address() as { port: number }).port;
}

async function failure(stateDirectory: string, changes: Parameters<typeof testSettings>[0] = {}): Promise<unknown> {
  const starting = startServer({ settings: testSettings(changes), stateDirectory, logger: new MemoryLogger() });
  return starting.then(
    (server) => server.stop().then(() => undefined),
    (error: unknown) => error,
  );
}

/** After a failed start nothing may be in the way of the next one. */
async function expectStarts(stateDirectory: string): Promise<void> {
  expect(await failure(stateDirectory)).toBeUndefined();
}

describe('starting the server', () => {
  it('says where it listens, and is healthy', async () => {
    const running = await RunningServer.start();
    expect(running.server.publicAddress).toBe(`127.0.0.1:${running.server.uplink.port}`);
    expect(await running.admin('GET', '/healthz')).toEqual({ status: 200, body: { healthy: true, problems: [] } });
  });

  it.each(['uplink', 'admin'] as const)('refuses a taken port (%s) in one sentence', async (group) => {
    const state = await initialisedState();
    const port = await takenPort();
    expect(await failure(state, { [group]: { port } })).toMatchObject({
      family: 'Config',
      code: 'AddressInUse',
      message: expect.stringContaining(String(port)),
    });
    await expectStarts(state);
  });

  it('refuses a second server on the same state', async () => {
    const running = await RunningServer.start();
    expect(await failure(running.stateDirectory)).toMatchObject({
      code: 'AlreadyRunning',
      message: expect.stringContaining(String(process.pid)),
    });
    expect(await running.admin('GET', '/healthz')).toMatchObject({ status: 200 });
  });

  it('refuses a state directory that was never initialised', async () => {
    const state = await initialisedState();
    rmSync(join(state, 'master.key'));
    expect(await failure(state)).toMatchObject({ code: 'NotInitialised', message: expect.stringContaining('cpns-server init') });
  });

  it.runIf(process.platform !== 'win32')('refuses a state directory that others can read', async () => {
    const state = await initialisedState();
    chmodSync(state, 0o755);
    expect(await failure(state)).toMatchObject({ code: 'UnsafePermissions' });
    chmodSync(state, 0o700);
    await expectStarts(state);
  });

  it('refuses the master key of another server', async () => {
    const running = await RunningServer.start();
    await running.enrol('phone');
    await running.stop();
    writeFileSync(join(running.stateDirectory, 'master.key'), new Uint8Array(32).fill(1), { mode: 0o600 });
    expect(await failure(running.stateDirectory)).toMatchObject({ code: 'MasterKeyMismatch' });
  });

  it('refuses another server id on the same database', async () => {
    const state = await initialisedState();
    await expectStarts(state);
    expect(await failure(state, { server: { id: 'cpns.other' as never } })).toMatchObject({ code: 'ServerIdChanged' });
  });

  it('says so when the disk is full', async ({ skip }) => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return skip('needs root and tmpfs');
    const state = await initialisedState();
    const disk = await initialisedState();
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', disk], { stdio: 'ignore' });
    } catch {
      return skip('tmpfs cannot be mounted here');
    }
    onTestFinished(() => void execFileSync('umount', ['-l', disk]));
    for (const file of ['master.key', 'admin.token']) execFileSync('cp', ['-p', join(state, file), disk]);
    expect(await failure(disk)).toMatchObject({ code: 'DiskFull', message: expect.stringContaining('free some space') });
  });

  it('is stopped twice without harm and starts again on what it has', async () => {
    const running = await RunningServer.start();
    await running.enrol('phone');
    const { server } = running;
    await server.stop();
    await server.stop();
    await running.restart();
    expect((await running.admin('GET', '/v1/devices/phone')).body).toMatchObject({ state: 'enrolled' });
  });

  it('raises every version and epoch beyond what devices may have seen when told that it was restored', async () => {
    const running = await RunningServer.start();
    for (const device of ['phone', 'laptop']) await running.enrol(device);
    await running.stop();
    const path = join(running.stateDirectory, running.settings.database.file);
    const { db } = testDatabase({ path });
    await db.transact((tx) => addHome(tx));
    await db.close();

    const { settings, stateDirectory, logger } = running;
    const server = await startServer({ settings, stateDirectory, logger, restored: true });
    await server.stop();
    const again = testDatabase({ path });
    expect(again.db.reads.pns.find(home)).toMatchObject({ version: 2 ** 32 + 1, keyEpoch: 2 ** 32 + 1 });
    expect(again.db.reads.pns.find(home)?.sealedKey).not.toEqual(octets(48, 1));
  });
});
