import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '@cpns/shared/node';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Keeper } from '../../../processes/keeper.js';
import { AirRadios } from '../../../rigs/air/air-radios.js';
import { RawHost } from './raw-host.js';

const BUILT = (file: string) => fileURLToPath(new URL(`../../../dist/${file}`, import.meta.url));

let keeper: Keeper;
let radios: AirRadios;
let phone: RawHost;
let handle: number;

/** Says what it says over the air, and has been heard. */
async function say(octets: Uint8Array): Promise<void> {
  const before = (await radios.air.counters()).attPackets;
  phone.sendAtt(handle, [0x52, 12, 0, ...octets]);
  await expect.poll(async () => (await radios.air.counters()).attPackets, { timeout: 20_000 }).toBeGreaterThan(before);
}

beforeAll(async () => {
  keeper = new Keeper(BUILT('processes/keeper-main.js'));
  const directory = await mkdtemp(join(tmpdir(), 'cpns-air-'));
  keeper.keep({ kind: 'directory', path: directory });
  radios = await AirRadios.start({ directory, clock: new SystemClock(), keeper, main: BUILT('rigs/air/process/air-main.js') });
  const { address } = await radios.add('laptop');
  await radios.add('phone');
  const laptop = await RawHost.open(join(directory, 'laptop'));
  phone = await RawHost.open(join(directory, 'phone'));
  laptop.advertise();
  handle = await phone.connect(address);
});
afterAll(() => keeper.close());

it('finds a key in the air, in a piece of a packet too, and says whose it was', async () => {
  const secrets = ['a traffic key of phone', 'a sealed key of the server'].map((what) => ({ what, octets: randomBytes(32) }));
  const [first, second] = secrets as [(typeof secrets)[0], (typeof secrets)[0]];
  await say(randomBytes(200));
  await say(first.octets.subarray(0, 7));
  await radios.verify(secrets);
  await say(Buffer.concat([randomBytes(5), second.octets.subarray(20, 28), randomBytes(9)]));
  await expect(radios.verify(secrets)).rejects.toThrow('a sealed key of the server went through the air in the clear');
  await say(first.octets);
  await expect(radios.verify(secrets)).rejects.toThrow('and so did 1 more');
});
