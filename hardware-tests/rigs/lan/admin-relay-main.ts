/** Calls the admin API for another process; see admin-relay.ts. Argument: the state directory of the server. */
import { createInterface } from 'node:readline';
import { AdminClient } from '@cpns/server';
import { describeError, toCpnsError } from '@cpns/shared';
import { ADMIN_CALLS, type RelayAnswer, type RelayOrder } from './admin-relay.js';

const [stateDirectory = ''] = process.argv.slice(2);
const stop = new AbortController();
const answer = (value: RelayAnswer) => process.stdout.write(`${JSON.stringify(value)}\n`);

async function follow(order: RelayOrder): Promise<unknown> {
  const client = await AdminClient.open(stateDirectory, stop.signal);
  if (order.call === 'watch') return watch(client);
  if (!ADMIN_CALLS.includes(order.call)) throw new Error(`no call ${order.call}`);
  return (client[order.call] as (...args: readonly unknown[]) => Promise<unknown>)(...order.args);
}

/** Resolves when the watch has begun; it ends with the server. */
function watch(client: AdminClient): Promise<null> {
  return new Promise((resolve, reject) => {
    const item = (value: Parameters<Parameters<AdminClient['watch']>[2]>[0]) => {
      answer({ item: value });
      return false;
    };
    client.watch({}, () => resolve(null), item).catch(reject);
  });
}

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  const order = JSON.parse(line) as RelayOrder;
  follow(order).then(
    (result) => answer({ id: order.id, result: result ?? null }),
    (error: unknown) => {
      const { family, code, message } = toCpnsError(error);
      process.stderr.write(`${order.call}: ${describeError(error)}\n`);
      answer({ id: order.id, error: { family, code, message } });
    },
  );
});
lines.on('close', () => stop.abort());
