import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type EntityId, entityId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { toHex } from '@cpns/shared/security';
import { VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it } from 'vitest';
import { KeyLog } from '../../processes/key-log.js';
import { watchKeys } from '../../processes/watched-keys.js';
import { SimulatedAir } from '../../rigs/simulation/air.js';
import { LAPTOP, PHONE, pairByCode, simulatedDevice } from '../../rigs/simulation/device.js';
import { SimulatedServer } from '../../rigs/simulation/server.js';

const WATCH = new URL('../../dist/processes/keys-main.js', import.meta.url).href;
const FOLDER = fileURLToPath(new URL('../../', import.meta.url));

/** What a program of the product does with keys, in two lines. */
const PROGRAM = `import { nativeProvider as p } from '@cpns/shared/node';
const [key, plain] = process.argv.slice(1).map((hex) => Buffer.from(hex, 'hex'));
for (let i = 0; i < 3; i++) p.open(key, plain.subarray(0, 12), key, p.seal(key, plain.subarray(0, 12), key, plain));
p.hmac(plain, key);`;

describe('the log of keys', () => {
  it('has each key that a program has used, and whose it was', async () => {
    const directory = join(await mkdtemp(join(tmpdir(), 'cpns-keys-')), 'keys');
    try {
      const log = await KeyLog.open(directory);
      const [key, plain] = [randomBytes(32).toString('hex'), randomBytes(32).toString('hex')];
      const node = [process.execPath, ...log.nodeArguments(WATCH), '--input-type=module', '-e', PROGRAM, key, plain];
      const [command = '', ...args] = [...log.prefix('phone'), ...node];
      await promisify(execFile)(command, args, { cwd: FOLDER });
      const found = (await log.keys()).map(({ what, octets }) => [what, toHex(octets)]);
      expect(found).toEqual([
        ['a traffic key of phone', key],
        ['a sealed key of phone', plain],
      ]);
    } finally {
      await rm(join(directory, '..'), { recursive: true });
    }
  });
});

describe('watching keys', () => {
  it('sees every key that devices agree on and store', async () => {
    const seen = new Set<string>();
    const provider = watchKeys(nativeProvider, (key) => void seen.add(toHex(key)));
    const clock = new VirtualClock();
    const air = new SimulatedAir(clock);
    const server = new SimulatedServer(clock, { provider });
    const start = async (name: string, facts: typeof LAPTOP) => {
      const euKey = await server.enrol(name);
      return simulatedDevice(name, { air, clock, facts, euKey, uplink: server.uplink(entityId(name)), provider });
    };
    const [laptop, phone] = [await start('laptop', LAPTOP), await start('phone', PHONE)];
    await pairByCode(clock, laptop, phone);
    await clock.advance(5_000);
    await clock.run(phone.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, new AbortController().signal));
    await clock.advance(1_000);
    const message = { channel: 'c', contentType: 't', payload: new Uint8Array(10) };
    for (const to of ['server', laptop.id] as ('server' | EntityId)[])
      await phone.device.messenger.queue({ ...message, to, pnId: undefined });
    await clock.advance(2_000);

    for (const { id, device } of [laptop, phone]) {
      const { state } = device;
      const pairings = [...state.pairings().values()];
      const stored: readonly (readonly [string, Uint8Array | undefined])[] = [
        ...pairings.map(({ kPair }) => ['K_pair', kPair] as const),
        ...state.localEuKeys().map(({ record }) => ['LocalEUKey', record.key] as const),
        ...state.pns().map(({ pnKey }) => ['PN key', pnKey] as const),
      ];
      expect(stored).toHaveLength(3);
      for (const [what, key] of stored) expect(seen.has(toHex(key ?? new Uint8Array())), `${what} of ${id}`).toBe(true);
    }
    // Link, PAN and server sessions with a key for each direction, and what they are made of.
    expect(seen.size).toBeGreaterThan(50);
  });
});
