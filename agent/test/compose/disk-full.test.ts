import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { exitCodeOf } from '../../src/control/exit-codes.js';
import { FileStore } from '../../src/store/file-store.js';
import { ComposedAgent, clock, uniqueId } from '../support/composed-agent.js';
import { pair, pairByCode } from '../support/pairing.js';

const ROOM_OCTETS = 512 * 1024;
const BLOCK_OCTETS = 4_096;
/** Less than any commit needs. */
const ROOM_FOR_NOTHING_OCTETS = 80;
const OVERHEAD_OCTETS = 60;

/** A file system of its own in memory. Only root can make one. */
async function smallDisk() {
  const mount = await mkdtemp(join(tmpdir(), 'cpns-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${ROOM_OCTETS},mode=700`, 'cpns-test', mount]);
  onTestFinished(async () => {
    execFileSync('umount', ['--lazy', mount]);
    await rm(mount, { recursive: true, force: true });
  });
  const ballast = join(mount, 'ballast');
  return {
    state: join(mount, 'state'),
    fill: () => writeFile(ballast, new Uint8Array(ROOM_OCTETS)).catch(() => {}),
    free: () => unlink(ballast),
  };
}

/** Makes the state file of a running agent end shortly before a block does: a full disk still has room in blocks that are in use. */
async function fillLastBlock(agent: ComposedAgent): Promise<void> {
  const path = join(agent.place.stateDirectory, 'state.log');
  for (;;) {
    const left = BLOCK_OCTETS - ((await stat(path)).size % BLOCK_OCTETS);
    if (left < ROOM_FOR_NOTHING_OCTETS) return;
    await agent.stop();
    const store = await FileStore.open({ directory: agent.place.stateDirectory, clock, logger: new MemoryLogger() });
    // The records around a value take room too; what is missing then comes with the next round.
    await store.commit(new Map([[`filler/${left}`, new Uint8Array(Math.max(1, left - OVERHEAD_OCTETS))]]));
    await store.close();
    await agent.start();
  }
}

describe.skipIf(process.getuid?.() !== 0 || process.platform !== 'linux')('a full disk', () => {
  it('refuses an enrolment and a start, each with one sentence', async () => {
    const disk = await smallDisk();
    const agent = await ComposedAgent.make({ state: disk.state });
    await disk.fill();
    const refused = {
      code: 'DiskFull',
      message: expect.stringMatching(/^The disk that holds .* is full; free some space on it and try again\.$/),
    };
    await expect(agent.enrol()).rejects.toMatchObject(refused);
    await disk.free();
    await agent.enrol();
    await disk.fill();
    const error = await agent.start().catch((reason) => reason);
    expect(error).toMatchObject(refused);
    expect(exitCodeOf(error)).toBe(5);
    await disk.free();
    await agent.start();
    expect((await agent.status()).id).toBe(agent.id);
  });

  it('keeps no pairing, and the agent goes on', async () => {
    const disk = await smallDisk();
    const [a, b] = await Promise.all([
      ComposedAgent.running({ id: uniqueId('a'), state: disk.state }),
      ComposedAgent.running({ id: uniqueId('b') }),
    ]);
    await fillLastBlock(a);
    await Promise.all([a.near(b.id), b.near(a.id)]);
    await disk.fill();
    const stop = new AbortController();
    const atA = pair(a, 'pair.peer', { peer: b.id }, { signal: stop.signal });
    const atB = pair(b, 'pair.peer', { peer: a.id }, { signal: stop.signal });
    expect(await atA.first('attempt-failed')).toMatchObject({ code: 'DiskFull', attemptsLeft: 4 });
    stop.abort();
    await atB.result.catch(() => {});
    for (const agent of [a, b]) expect(await agent.status()).toMatchObject({ peers: { paired: 0, linked: 0 } });
    await expect(a.client.request('reset', {})).rejects.toMatchObject({ code: 'DiskFull', exitCode: 5 });

    await disk.free();
    for (const agent of [a, b]) await agent.until(async () => (await agent.status()).pairingWindow === undefined);
    await pairByCode(a, b);
  });
});
