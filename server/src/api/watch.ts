import type { ServerResponse } from 'node:http';
import { type Clock, CpnsError } from '@cpns/shared';
import type { FastifyInstance } from 'fastify';
import type { Admin, WatchFilter } from './admin-port.js';
import { parsed, watchQuery } from './requests.js';

/** An empty line goes out so often, so that both ends notice when the other is gone. */
const KEEP_ALIVE_MS = 15_000;
/** A watcher that reads so slowly that more waits for it is cut off. */
const MAX_UNREAD_OCTETS = 1_048_576;

export interface WatchOptions {
  readonly admin: Admin;
  readonly clock: Clock;
  readonly maxWatchers: number;
}

/** `GET /v1/watch`: data and events as they happen, one JSON object a line, until the client goes away. */
export function addWatch(http: FastifyInstance, { admin, clock, maxWatchers }: WatchOptions): void {
  const watchers = new Set<ServerResponse>();
  http.addHook('preClose', async () => {
    for (const response of watchers) response.destroy();
  });
  http.get('/v1/watch', async (request, reply) => {
    const { entity, channel, kind, past } = parsed(watchQuery, request.query);
    if (watchers.size >= maxWatchers) {
      throw new CpnsError('State', 'TooManyWatchers', 'Too many are watching already (admin.maxWatchers): end one of them.');
    }
    const filter: WatchFilter = {
      ...(entity === undefined ? {} : { entityId: entity }),
      ...(channel === undefined ? {} : { channel }),
      ...(kind === undefined ? {} : { kinds: [kind] }),
      ...(past === undefined ? {} : { past }),
    };
    reply.hijack();
    const response = reply.raw;
    watchers.add(response);
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    let mayWait = Number.POSITIVE_INFINITY;
    const write = (line: string) => {
      if (response.writableLength > mayWait) response.destroy();
      else response.write(line);
    };
    // The first line says that from here on nothing is missed.
    write('\n');
    const stop = admin.watch(filter, (item) => write(`${JSON.stringify(item)}\n`));
    // What was asked of the past has gone out in one go, however long it takes to be read.
    mayWait = response.writableLength + MAX_UNREAD_OCTETS;
    let cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
    function keepAlive(): void {
      write('\n');
      cancel = clock.after(KEEP_ALIVE_MS, keepAlive);
    }
    response.once('close', () => {
      watchers.delete(response);
      stop();
      cancel();
    });
  });
}
