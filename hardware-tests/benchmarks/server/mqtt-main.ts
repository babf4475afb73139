/**
 * `mqtt-main UP DOWN`: aedes behind TLS-PSK and nothing else. UP and DOWN are lists of JSON with the octets of each message of one
 * establishment; each message up but the last ones is answered with one down. Tells its port, then CPU and messages for every line of input.
 */
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { createServer } from 'node:tls';
import { downTopic, type EntityId } from '@cpns/shared';
import { Aedes, type Client } from 'aedes';
import { cpuUs } from './cpu.js';

const up = JSON.parse(process.argv[2] as string) as number[];
const down = (JSON.parse(process.argv[3] as string) as number[]).map((octets) => Buffer.alloc(octets, 7));
const psk = Buffer.alloc(32, 1);
let received = 0;
const turns = new Map<Client, number>();

const aedes = await Aedes.createBroker({ concurrency: 1_000 });
aedes.on('publish', (packet, client) => {
  if (client === null || !packet.topic.endsWith('/up')) return;
  const turn = turns.get(client) ?? 0;
  turns.set(client, (turn + 1) % up.length);
  received++;
  const payload = down[turn];
  if (payload === undefined) return;
  client.publish({ cmd: 'publish', topic: downTopic(client.id as EntityId), payload, qos: 1, retain: false, dup: false }, () => {});
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
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: (server.address() as AddressInfo).port })));
for await (const _line of createInterface({ input: process.stdin })) console.log(JSON.stringify({ cpuUs: cpuUs(), received }));
process.exit();
