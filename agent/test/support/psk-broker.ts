import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { Aedes, type AedesOptions } from 'aedes';
import { onTestFinished } from 'vitest';

export interface PskServer {
  readonly port: number;
  close(): Promise<void>;
}

/** A TLS server with the suite of the uplink that knows these keys by identity. */
export async function pskServer(
  keys: Readonly<Record<string, Uint8Array>>,
  serve: (socket: TLSSocket) => void,
  port = 0,
): Promise<PskServer> {
  const sockets = new Set<TLSSocket>();
  const server = createServer({
    ciphers: 'ECDHE-PSK-CHACHA20-POLY1305',
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    pskCallback: (_socket, identity) => keys[identity] ?? null,
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    serve(socket);
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  };
  onTestFinished(close);
  return { port: (server.address() as AddressInfo).port, close };
}

export interface Published {
  readonly topic: string;
  readonly text: string;
  readonly retain: boolean;
}

/** A real broker behind {@link pskServer}. */
export async function pskBroker(keys: Readonly<Record<string, Uint8Array>>, options: AedesOptions = {}, port = 0) {
  const aedes = await Aedes.createBroker(options);
  const seen: string[] = [];
  const waiting = new Map<string, () => void>();
  const note = (what: string) => {
    seen.push(what);
    waiting.get(what)?.();
  };
  aedes.on('subscribe', (subscriptions) => {
    for (const { topic } of subscriptions) note(`subscribe ${topic}`);
  });
  aedes.on('publish', ({ topic, payload, retain }, client) => {
    if (client !== null || topic.startsWith('cpns/')) note(`publish ${topic} ${payload}${retain ? ' retained' : ''}`);
  });
  const server = await pskServer(keys, aedes.handle, port);
  return {
    port: server.port,
    /** What clients did, in order. */
    seen,
    /** Resolves when `what` has been seen. */
    until: (what: string) => new Promise<void>((resolve) => (seen.includes(what) ? resolve() : waiting.set(what, resolve))),
    publish: (topic: string, payload: string) =>
      new Promise<void>((resolve) => aedes.publish({ cmd: 'publish', topic, payload, qos: 1, retain: false, dup: false }, () => resolve())),
    close: async () => {
      await server.close();
      await new Promise<void>((resolve) => aedes.close(resolve));
    },
  };
}
