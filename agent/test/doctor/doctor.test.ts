import { chmod, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { SystemClock } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { defaultSettings, type Settings } from '../../src/config/settings.js';
import { thisHost } from '../../src/device/host.js';
import type { DoctorContext } from '../../src/doctor/check.js';
import { runDoctor } from '../../src/doctor/doctor.js';
import { scratchDirectory } from '../support/scratch.js';

type Lan = Partial<Settings['pan']['lan']>;

interface Situation extends Partial<DoctorContext> {
  readonly lan?: Lan;
  /** Files. */
  readonly offers?: readonly string[];
  readonly contentOctets?: number;
}

async function examine({ lan, offers = [], contentOctets = 1000, ...context }: Situation = {}) {
  const defaults = defaultSettings();
  const stateDirectory = await scratchDirectory();
  const { checks } = await runDoctor(
    {
      host: thisHost(),
      // Tests never touch a real network.
      settings: {
        ...defaults,
        pan: { ...defaults.pan, lan: { ...defaults.pan.lan, interfaces: ['lo'], ...lan } },
        contents: offers.map((file) => ({ file, chargeable: false })),
        limits: { ...defaults.limits, contentOctets },
      },
      stateDirectory,
      running: true,
      probe: async () => ({ reachable: true, atMonotonicMs: 0 }),
      bluetoothTrouble: undefined,
      clockOffsetMs: 0,
      ...context,
    },
    new SystemClock(),
    new MemoryLogger(),
    new AbortController().signal,
  );
  return { stateDirectory, named: (name: string) => checks.filter((check) => check.name === name) };
}

describe('doctor', () => {
  it('finds nothing wrong where nothing is wrong', async () => {
    const { named } = await examine();
    for (const name of ['Node.js', 'agent', 'state directory', 'multicast on lo', 'server', 'clock']) {
      expect(named(name), name).toMatchObject([{ outcome: 'ok' }]);
    }
  });

  it('finds a state directory that others can read, and a file in it', async () => {
    const stateDirectory = await scratchDirectory();
    await writeFile(join(stateDirectory, 'keys'), '', { mode: 0o644 });
    const first = await examine({ stateDirectory });
    expect(first.named('state directory')[0]).toMatchObject({
      outcome: 'problem',
      says: expect.stringContaining(`chmod 600 ${stateDirectory}/keys`),
    });
    await chmod(stateDirectory, 0o755);
    const second = await examine({ stateDirectory });
    expect(second.named('state directory')[0]?.says).toContain(`chmod 700 ${stateDirectory}`);
  });

  it('finds files that are offered and are not there, or are too large', async () => {
    const directory = await scratchDirectory();
    const [menu, film] = [join(directory, 'menu.txt'), join(directory, 'film.mp4')];
    await writeFile(menu, 'soup');
    const { named } = await examine({ offers: [menu, film] });
    expect(named('contents')).toEqual([
      { name: 'contents', outcome: 'ok', says: '1 file can be offered' },
      { name: 'contents', outcome: 'warning', says: `${film} does not exist`, cure: 'correct "contents" in the configuration' },
    ]);
    const small = await examine({ offers: [menu], contentOctets: 3 });
    expect(small.named('contents')).toMatchObject([{ outcome: 'warning', says: `${menu} has 4 octets, more than limits.contentOctets` }]);
  });

  it('does not mind a state directory that is not there yet', async () => {
    const stateDirectory = join(await scratchDirectory(), 'later');
    const { named } = await examine({ stateDirectory });
    expect(named('state directory')).toMatchObject([{ outcome: 'ok', says: expect.stringContaining('does not exist yet') }]);
  });

  it('tells how to enrol', async () => {
    const { named } = await examine({ probe: undefined });
    expect(named('server')).toMatchObject([{ outcome: 'problem', cure: expect.stringContaining('cpns-agent enrol -') }]);
  });

  it('hands on why the server cannot be reached', async () => {
    const { named } = await examine({ probe: async () => ({ reachable: false, reason: 'Nobody there.', atMonotonicMs: 0 }) });
    expect(named('server')).toMatchObject([{ outcome: 'problem', says: 'Nobody there.' }]);
  });

  it.each([
    { offset: 365 * 86_400_000, says: 'is 365 days ahead of the server; everything works, but times shown are wrong' },
    { offset: -3 * 3_600_000, says: 'is 3 hours behind the server; everything works, but times shown are wrong' },
  ])('warns of a wrong clock: $says', async ({ offset, says }) => {
    const { named } = await examine({ clockOffsetMs: offset });
    expect(named('clock')).toMatchObject([{ outcome: 'warning', says }]);
  });

  it('names the interfaces there are when one does not exist', async () => {
    const { named } = await examine({ lan: { interfaces: ['lo', 'wlan9'] } });
    expect(named('local network')).toMatchObject([
      { outcome: 'problem', says: 'there is no interface wlan9, or it has no address', cure: expect.stringMatching(/some of: .*lo/) },
    ]);
  });

  it('finds a port that is taken, unless the agent itself has it', async () => {
    const server = createServer().listen(0);
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const { named } = await examine({ running: false, lan: { port } });
    expect(named(`TCP port ${port}`)).toMatchObject([{ outcome: 'problem', says: 'is taken by another program' }]);
    const running = await examine({ running: true, lan: { port } });
    expect(running.named(`TCP port ${port}`)).toEqual([]);
  });

  it('goes on when a check itself fails', async () => {
    const { named } = await examine({ probe: () => Promise.reject(new Error('broken')) });
    expect(named('server')).toMatchObject([{ outcome: 'problem', says: 'could not be checked; the log says why' }]);
    expect(named('Node.js')).toMatchObject([{ outcome: 'ok' }]);
  });
});
