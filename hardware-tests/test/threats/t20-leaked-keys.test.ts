import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pnIdText } from '@cpns/agent';
import { nativeProvider } from '@cpns/shared/node';
import { describe, expect, it, onTestFinished } from 'vitest';
import { capture } from '../../rigs/simulation/attacker.js';
import { secrets } from '../../rigs/simulation/invariants/secrets.js';
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
});
