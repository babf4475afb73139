import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { Cable } from '../../soak/cable.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function cableToEcho(): Promise<Cable> {
  const server = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  const cable = await Cable.lay({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  closing.push(() => cable.remove());
  return cable;
}

function dial(cable: Cable): Socket {
  const socket = connect(cable.address);
  socket.on('error', () => {});
  closing.push(() => socket.destroy());
  return socket;
}

/** Ended, in order or not. */
function gone(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.once('close', () => resolve()));
}

async function echoed(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [chunk] = (await once(socket, 'data')) as [Buffer];
  return chunk.toString();
}

test('carries both ways, counts connections, breaks them, and takes new ones', async () => {
  const cable = await cableToEcho();
  const first = dial(cable);
  expect(await echoed(first, 'one')).toBe('one');
  expect(cable.connections).toBe(1);
  const broken = gone(first);
  cable.cut();
  await broken;
  expect(await echoed(dial(cable), 'two')).toBe('two');
});

test('unplugged it breaks what is connected and takes nothing new', async () => {
  const cable = await cableToEcho();
  const first = dial(cable);
  await echoed(first, 'one');
  const broken = gone(first);
  cable.plug(false);
  await broken;
  await gone(dial(cable));
  cable.plug(true);
  expect(await echoed(dial(cable), 'two')).toBe('two');
});
