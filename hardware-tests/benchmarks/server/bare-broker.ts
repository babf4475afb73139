import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { downTopic, type EntityId } from '@cpns/shared';
import { Aedes, type Client } from 'aedes';

/** Octets of each message of one establishment: those up, and those down in the order of what they answer. */
export interface Exchange {
  readonly up: readonly number[];
  readonly down: readonly number[];
}

/**
 * aedes behind TLS-PSK and nothing else. Each message up but the last ones is answered with one down, once `take` has called `answer`.
 * Returns the port.
 */
export async function openBareBroker({ up, down }: Exchange, take: (turn: number, answer: () => void) => void): Promise<number> {
  const answers = down.map((octets) => Buffer.alloc(octets, 7));
  const psk = Buffer.alloc(32, 1);
  const turns = new Map<Client, number>();
  const aedes = await Aedes.createBroker({ concurrency: 1_000 });
  aedes.on('publish', (packet, client) => {
    if (client === null || !packet.topic.endsWith('/up')) return;
    const turn = turns.get(client) ?? 0;
    turns.set(client, (turn + 1) % up.length);
    take(turn, () => {
      const payload = answers[turn];
      if (payload === undefined) return;
      client.publish({ cmd: 'publish', topic: downTopic(client.id as EntityId), payload, qos: 1, retain: false, dup: false }, () => {});
    });
  });
  const server = createServer(
    {
      ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ecdhCurve: 'X25519:P-256',
      pskCallback: () => psk,
    },
    (socket) => {
      socket.setNoDelay(true);
      aedes.handle(socket);
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
