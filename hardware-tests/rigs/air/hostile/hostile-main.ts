/** Somebody near who means harm, with radio and libraries as everybody has them. JSON lines: orders in, answers out. */
import { createInterface } from 'node:readline';
import { AssaultingCentral } from './assault.js';
import { LuringPeripheral } from './lure.js';
import type { HostileLine, HostileOrder, Tally } from './orders.js';

const say = (line: HostileLine) => process.stdout.write(`${JSON.stringify(line)}\n`);
let sides = 2;
const ready = () => {
  if (--sides === 0) say({ event: 'ready' });
};
const central = new AssaultingCentral(ready);
const peripheral = new LuringPeripheral(ready);

async function follow(order: HostileOrder): Promise<Tally | null> {
  switch (order.do) {
    case 'assault':
      await central.assault(order.address, order.kind);
      return null;
    case 'lure':
      peripheral.lure(Buffer.from(order.data, 'hex'), order.entityId, order.kind);
      return null;
    case 'tally':
      return { connections: central.connections, caught: peripheral.caught, octets: central.octets + peripheral.octets };
  }
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line) as HostileOrder;
  follow(order).then(
    (result) => say({ id: order.id, result }),
    (error: unknown) => say({ id: order.id, failed: (error as Error).message }),
  );
});
lines.on('close', () => process.exit(0));
