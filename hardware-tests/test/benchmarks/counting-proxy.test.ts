import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { parseHostPort } from '@cpns/shared';
import { SystemClock } from '@cpns/shared/node';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { CountingProxy, type Way } from '../../benchmarks/counting-proxy.js';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function echo(): Promise<{ host: string; port: number }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (socket) => socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function proxyTo(target: { host: string; port: number } | undefined, webSocket: boolean): Promise<CountingProxy> {
  const proxy = await CountingProxy.open(new SystemClock(), { webSocket });
  if (target !== undefined) proxy.aim(target);
  closing.push(() => proxy.close());
  return proxy;
}

test('counts octets and binary messages each way, and passes them on unchanged', async () => {
  const proxy = await proxyTo(await echo(), true);
  const socket = new WebSocket(`ws://${proxy.address}`, { perMessageDeflate: false });
  await once(socket, 'open');
  proxy.take();
  for (const payload of [Buffer.alloc(100, 1), Buffer.alloc(1_000, 2)]) {
    socket.send(payload);
    expect((await once(socket, 'message'))[0]).toEqual(payload);
  }
  socket.send('text is no message of a PAN link');
  await once(socket, 'message');

  const passages = proxy.take();
  const total = (way: Way, what: 'octets' | 'messages') =>
    passages.filter((passage) => passage.way === way).reduce((sum, passage) => sum + passage[what], 0);
  expect([total('out', 'messages'), total('in', 'messages')]).toEqual([2, 2]);
  // Header of 2 or 4 octets, and a mask of 4 on the way out (RFC 6455 section 5.2).
  expect(total('in', 'octets')).toBe(102 + 1_004 + 34);
  expect(total('out', 'octets')).toBe(106 + 1_008 + 38);
  expect(passages.map(({ atMs }) => atMs)).toEqual([...passages.map(({ atMs }) => atMs)].sort((a, b) => a - b));
  expect(proxy.take()).toEqual([]);
  socket.close();
});

test('a connection that comes before the target is known is closed', async () => {
  const proxy = await proxyTo(undefined, false);
  const { host, port } = parseHostPort(proxy.address);
  const socket = connect(port, host);
  socket.on('error', () => {});
  await once(socket, 'close');
  expect(proxy.take()).toEqual([]);
});
