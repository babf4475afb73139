import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type HostPort, parseHostPort } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { afterEach, expect, test } from 'vitest';
import { CountingProxy, type Way } from '../../benchmarks/counting-proxy.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Says everything back, the request for a WebSocket included. */
async function echo(): Promise<HostPort> {
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function proxyTo(target: HostPort | undefined, webSocket: boolean): Promise<{ proxy: CountingProxy; socket: Socket }> {
  const proxy = await CountingProxy.open(new SystemClock(), { webSocket });
  if (target !== undefined) proxy.aim(target);
  const { host, port } = parseHostPort(proxy.address);
  const socket = connect(port, host);
  socket.on('error', () => {});
  closing.push(
    () => proxy.close(),
    () => socket.destroy(),
  );
  return { proxy, socket };
}

/** Sends octets and waits until as many have come back. */
async function exchange(socket: Socket, octets: Buffer): Promise<Buffer> {
  socket.write(octets);
  const back: Buffer[] = [];
  for (let length = 0; length < octets.length; ) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    back.push(chunk);
    length += chunk.length;
  }
  return Buffer.concat(back);
}

/** RFC 6455 section 5.2, unmasked. */
const frame = (opcode: number, payload: string) => Buffer.concat([Buffer.from([0x80 | opcode, payload.length]), Buffer.from(payload)]);
const BINARY = 2;
const PING = 9;

test('counts octets and binary messages each way, and passes them on unchanged', async () => {
  const { proxy, socket } = await proxyTo(await echo(), true);
  await exchange(socket, Buffer.from('GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n'));
  proxy.take();
  const sent = Buffer.concat([frame(BINARY, 'one'), frame(PING, ''), frame(BINARY, 'three')]);
  expect(await exchange(socket, sent)).toEqual(sent);

  const passages = proxy.take();
  const total = (way: Way, what: 'octets' | 'messages') =>
    passages.filter((passage) => passage.way === way).reduce((sum, passage) => sum + passage[what], 0);
  expect([total('out', 'messages'), total('in', 'messages')]).toEqual([2, 2]);
  expect([total('out', 'octets'), total('in', 'octets')]).toEqual([sent.length, sent.length]);
  expect(passages[0]?.way).toBe('out');
  expect(proxy.take()).toEqual([]);
});

test('a hop of another kind has octets only', async () => {
  const { proxy, socket } = await proxyTo(await echo(), false);
  await exchange(socket, Buffer.from('anything'));
  const passages = proxy.take();
  expect(passages.map(({ way, octets, messages }) => ({ way, octets, messages }))).toEqual([
    { way: 'out', octets: 8, messages: 0 },
    { way: 'in', octets: 8, messages: 0 },
  ]);
  expect(proxy.lastMs).toBe(Number.NEGATIVE_INFINITY);
});

test('a connection that comes before the target is known is closed', async () => {
  const { proxy, socket } = await proxyTo(undefined, false);
  await once(socket, 'close');
  expect(proxy.take()).toEqual([]);
});
