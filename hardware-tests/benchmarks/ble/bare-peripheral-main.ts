/** bleno and nothing else: is connected to, and sends and takes messages in as long pieces as the connection carries. See end-lines.ts. */
import { setImmediate } from 'node:timers/promises';
import { loadBleno } from '../../rigs/air/bare/libraries.js';
import { Arrivals } from './arrivals.js';
import { BULK } from './bulk-service.js';
import { contentOf } from './end-lines.js';
import { followOrders, say } from './follow-orders.js';

const SUCCESS = 0;
const bleno = loadBleno();
const arrivals = new Arrivals();
let update: ((octets: Buffer) => void) | undefined;
let most = 0;

const write = new bleno.Characteristic({
  uuid: BULK.write,
  properties: ['writeWithoutResponse'],
  onWriteRequest: (octets, _offset, _withoutResponse, done) => {
    done(SUCCESS);
    arrivals.add(octets);
  },
});
const notify = new bleno.Characteristic({
  uuid: BULK.notify,
  properties: ['notify'],
  onSubscribe: (mostOctets, to) => {
    most = mostOctets;
    update = to;
    say({ event: 'linked' });
  },
});
bleno.on('stateChange', (state: string) => {
  if (state === 'poweredOn') bleno.startAdvertising('bulk', [BULK.service]);
});
bleno.on('advertisingStart', () => {
  bleno.setServices([new bleno.PrimaryService({ uuid: BULK.service, characteristics: [write, notify] })]);
});

followOrders({
  connect: () => Promise.reject(new Error('A peripheral is connected to.')),
  send: async ({ messages, octets }) => {
    const content = Buffer.from(contentOf(octets));
    for (let i = 0; i < messages; i++) {
      for (let at = 0; at < octets; at += most) update?.(content.subarray(at, at + most));
      // Otherwise nothing would leave before all is handed over.
      await setImmediate();
    }
  },
  expect: async ({ messages, octets }) => arrivals.expect(messages, octets),
  arrived: () => arrivals.arrived(),
  disconnect: () => Promise.reject(new Error('The central ends the connection.')),
});
