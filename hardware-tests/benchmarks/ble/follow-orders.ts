import { createInterface } from 'node:readline';
import type { EndLine, EndOrder } from './end-lines.js';

/** What the program at an end does with each order. */
export type EndDeeds = { readonly [K in EndOrder['do']]: (order: Extract<EndOrder, { do: K }>) => Promise<void> };

export function say(line: EndLine): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Follows what comes on standard input; with its end the program ends. */
export function followOrders(deeds: EndDeeds): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const order = JSON.parse(line) as EndOrder;
    const deed = deeds[order.do] as (order: EndOrder) => Promise<void>;
    deed(order).then(
      () => say({ id: order.id, done: true }),
      (error: unknown) => say({ id: order.id, failed: (error as Error).message }),
    );
  });
  // The libraries keep timers and sockets.
  lines.on('close', () => process.exit(0));
}
