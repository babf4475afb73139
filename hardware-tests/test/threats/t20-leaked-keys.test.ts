import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnIdText } from '@cpns/agent';
import { nativeProvider } from '@cpns/shared/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { capture } from '../../rigs/simulation/attacker.js';
import { SecretSearch, secrets } from '../../rigs/simulation/invariants/secrets.js';
import { Witness } from '../../rigs/simulation/invariants/witness.js';
import type { World } from '../../rigs/simulation/invariants/world.js';
import { BOARD_ID, establishAtPhone, household } from '../simulation/household.js';

/** Whole flows, with every key that anybody used known, and all that was said, shown, stored and carried. */
async function observed() {
  const witness = new Witness(nativeProvider);
  const directory = mkdtempSync(join(tmpdir(), 'cpns-secrets-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const providers = Object.fromEntries(['laptop', 'phone', 'board'].map((name) => [name, { provider: witness.provider(name) }]));
  const home = await household(providers, { provider: witness.provider(''), databasePath: join(directory, 'cpns.db') });
  const { record } = await establishAtPhone(home, { type: 'all' });
  const pnId = pnIdText(record.pnId);
  await home.phone.device.messenger.queue({ pnId, to: BOARD_ID, channel: 'c', contentType: 't', payload: new Uint8Array(10) });
  await home.clock.advance(2_000);
  // Failures are what logs talk of.
  home.server.restart();
  await home.clock.advance(20_000);
  await home.clock.run(home.laptop.device.unpair(BOARD_ID));
  await home.clock.advance(5_000);
  await home.clock.run(home.server.enabler.revokeDevice(home.phone.id));
  await home.clock.advance(5_000);
  const world = (): World => ({
    server: home.server,
    devices: [home.laptop, home.phone, home.board],
    witness,
    carried: home.attacker.seen.map(({ from, to, octets }) => ({ where: `what ${from} sent to ${to}`, octets })),
  });
  return { home, witness, world };
}

const HEAP_MAIN = fileURLToPath(new URL('../../dist/processes/heap-main.js', import.meta.url));
/** Strings of a heap snapshot are cut off here; by itself the runtime does it after 1,024 characters. */
const STRING_LIMIT = 1_000_000;

/** Keys found in the texts of the heap of a process that has played whole flows and ended all sessions. */
function inHeap(slip: readonly string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'cpns-heap-'));
  try {
    execFileSync(process.execPath, [`--heap-snapshot-string-limit=${STRING_LIMIT}`, HEAP_MAIN, directory, ...slip], { stdio: 'pipe' });
    const octets = readFileSync(join(directory, 'keys.bin'));
    const keys = new Map(Array.from({ length: octets.length / 32 }, (_, i) => [octets.toString('hex', i * 32, i * 32 + 32), `key ${i}`]));
    const { strings } = JSON.parse(readFileSync(join(directory, 'heap.heapsnapshot'), 'utf8')) as { strings: string[] };
    expect(strings.length).toBeGreaterThan(10_000);
    expect(keys.size).toBeGreaterThan(50);
    return new SecretSearch(keys).in({ where: 'the heap', octets: strings.join('\n') });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe('T20 Log/crash-dump leaks of keys', () => {
  it('no key of whole flows is in a log, in what people see, outside the key records of a state, in the database or on a link', async () => {
    const { home, witness, world } = await observed();
    expect(witness.secrets.size).toBeGreaterThan(50);
    expect(home.server.databaseFiles().length).toBeGreaterThan(0);
    expect(secrets.violations(world())).toEqual([]);
  });

  it('a key that somebody logs, in any form, is found', async () => {
    const { home, world } = await observed();
    const [key] = [...capture(home.laptop).entries()].filter(([name]) => name.startsWith('K_pair'));
    if (key === undefined) throw new Error('no key');
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      home.laptop.logger.info('a slip', { what: Buffer.from(key[1]).toString(form) });
      expect(secrets.violations(world())).not.toEqual([]);
      home.laptop.logger.lines.pop();
      expect(secrets.violations(world())).toEqual([]);
    }
  });

  it('no key is in a text in the heap once the sessions have ended', () => {
    expect(inHeap([])).toEqual([]);
  }, 60_000);

  it.each(['hex', 'base64', 'base64url', 'latin1'])(
    'a key that stays in the heap as %s is found',
    (form) => {
      expect(inHeap([form])).toEqual(['key 0 is in the heap']);
    },
    60_000,
  );
});
