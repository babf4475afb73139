/** noble and nothing else: connects, and sends and takes messages in as long pieces as the connection carries. See end-lines.ts. */
import { setImmediate } from 'node:timers/promises';
import { loadNoble, type NobleCharacteristic, type NoblePeripheral } from '../../rigs/air/bare/libraries.js';
import { Arrivals } from './arrivals.js';
import { ATT_HEAD_OCTETS, BULK } from './bulk-service.js';
import { contentOf } from './end-lines.js';
import { followOrders } from './follow-orders.js';

const noble = loadNoble();
const arrivals = new Arrivals();
const poweredOn = new Promise<void>((resolve) => {
  noble.on('stateChange', (state: string) => {
    if (state === 'poweredOn') resolve();
  });
});
let peripheral: NoblePeripheral | undefined;
let write: NobleCharacteristic | undefined;

async function found(address: string): Promise<NoblePeripheral> {
  const discovered = new Promise<NoblePeripheral>((resolve) => {
    noble.on('discover', (one: NoblePeripheral) => {
      if (one.address === address) resolve(one);
    });
  });
  await noble.startScanningAsync([BULK.service], false);
  const one = await discovered;
  await noble.stopScanningAsync();
  return one;
}

followOrders({
  connect: async ({ address }) => {
    await poweredOn;
    peripheral = await found(address);
    await peripheral.connectAsync();
    const { characteristics } = await peripheral.discoverSomeServicesAndCharacteristicsAsync([BULK.service], [BULK.write, BULK.notify]);
    write = characteristics.find(({ uuid }) => uuid === BULK.write);
    const notify = characteristics.find(({ uuid }) => uuid === BULK.notify);
    notify?.on('data', (octets: Buffer) => arrivals.add(octets));
    await notify?.subscribeAsync();
  },
  send: async ({ messages, octets }) => {
    const content = Buffer.from(contentOf(octets));
    const size = (peripheral?.mtu ?? 0) - ATT_HEAD_OCTETS;
    for (let i = 0; i < messages; i++) {
      for (let at = 0; at < octets; at += size) void write?.writeAsync(content.subarray(at, at + size), true);
      // Otherwise nothing would leave before all is handed over.
      await setImmediate();
    }
  },
  expect: async ({ messages, octets }) => arrivals.expect(messages, octets),
  arrived: () => arrivals.arrived(),
  disconnect: async () => peripheral?.disconnectAsync(),
});
