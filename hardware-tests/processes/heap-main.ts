/**
 * `heap-main.js DIRECTORY [FORM]`: plays whole flows, ends all sessions, and leaves in `heap.heapsnapshot` what the heap holds then, and in
 * `keys.bin` 32 octets of every key that anybody used, EUKeys included. FORM (hex, base64 ...): keeps one of them as such a text.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeHeapSnapshot } from 'node:v8';
import { type EntityId, entityId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { VirtualClock } from '@cpns/shared/testing';
import { SimulatedAir } from '../rigs/simulation/air.js';
import { BOARD, LAPTOP, PHONE, pairByCode, simulatedDevice } from '../rigs/simulation/device.js';
import { SimulatedServer } from '../rigs/simulation/server.js';
import { type KeyUse, watchKeys } from './watched-keys.js';

const KEY_OCTETS = 32;
const [directory = '.', form] = process.argv.slice(2);
/** Octets only: as text the keys would be found where this program keeps them. */
const keys: Uint8Array[] = [];

/** Stored keys stay in memory, and of a handshake's private ones Node makes texts. */
const LOOKED_FOR: readonly KeyUse[] = ['a derived key', 'a traffic key', 'a key to wrap with'];
/** The provider of everybody. */
const provider = watchKeys(nativeProvider, (key, use) => {
  if (key.length >= KEY_OCTETS && LOOKED_FOR.includes(use)) keys.push(key.slice(0, KEY_OCTETS));
});

const clock = new VirtualClock();
const air = new SimulatedAir(clock);
const server = new SimulatedServer(clock, { provider });
const facts = { laptop: LAPTOP, phone: PHONE, board: BOARD };
const start = async (name: keyof typeof facts) => {
  const euKey = await server.enrol(name);
  keys.push(euKey.slice());
  const device = await simulatedDevice(name, { air, clock, facts: facts[name], euKey, uplink: server.uplink(entityId(name)), provider });
  euKey.fill(0);
  return device;
};
const [laptop, phone, board] = [await start('laptop'), await start('phone'), await start('board')];
await pairByCode(clock, laptop, phone);
await pairByCode(clock, laptop, board);
await clock.advance(5_000);
await clock.run(phone.device.networks.establish({ type: 'all' }, undefined, () => {}, new AbortController().signal));
await clock.advance(1_000);
const message = { channel: 'c', contentType: 't', payload: new Uint8Array(10) };
for (const to of ['server', board.id] as ('server' | EntityId)[]) {
  await phone.device.messenger.queue({ ...message, to, pnId: undefined });
}
await clock.advance(2_000);
server.restart();
await clock.advance(20_000);
await clock.run(laptop.device.unpair(board.id));
await clock.advance(5_000);
await clock.run(server.enabler.revokeDevice(phone.id));
await clock.advance(5_000);
for (const { device } of [laptop, phone, board]) await device.stop();
server.enabler.stop();

const slip = form === undefined ? undefined : Buffer.from(keys[0] as Uint8Array).toString(form as BufferEncoding);
Object.assign(globalThis, { alive: [laptop, phone, board, server, slip] });
writeFileSync(join(directory, 'keys.bin'), Buffer.concat(keys));
writeHeapSnapshot(join(directory, 'heap.heapsnapshot'));
