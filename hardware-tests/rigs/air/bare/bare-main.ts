/**
 * noble and bleno without anything of this project around them: what a virtual controller, or another one, must be able to carry.
 * Arguments: `peripheral`, `central` or both. JSON lines: orders to the central in, what happens out. It ends with its input.
 */
import { createInterface } from 'node:readline';
import { Central } from './central.js';
import { servePeripheral } from './peripheral.js';
import type { BareLine, BareOrder } from './protocol.js';

const roles = process.argv.slice(2);
const say = (line: BareLine) => process.stdout.write(`${JSON.stringify(line)}\n`);

if (roles.includes('peripheral')) servePeripheral(say);
const central = roles.includes('central') ? new Central(say) : undefined;

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line) as BareOrder;
  Promise.resolve()
    .then(() => central?.follow(order) ?? null)
    .then(
      (result) => say({ id: order.id, result }),
      (error: unknown) => say({ id: order.id, failed: (error as Error).message }),
    );
});
// Both libraries keep timers and sockets.
lines.on('close', () => process.exit(0));
