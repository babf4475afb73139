import { once } from 'node:events';
import { request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import type { LanOptions } from '../../../src/pan/lan/lan-technology.js';
import { MAX_FRAME_OCTETS } from '../../../src/pan/lan/websocket-link.js';
import { HAS_IPV6, LanDevice, privatePort, Receiver } from './lan-lab.js';

const never = new AbortController().signal;

describe('what a device accepts on the LAN', () => {
  const ends: (() => unknown)[] = [];
  let device: LanDevice;
  const make = async (options: Partial<LanOptions> = {}) => {
    const made = await new LanDevice({ mdnsPort: privatePort(), ...options }).start();
    ends.push(() => made.lan.stop());
    return made;
  };
  beforeEach(async () => {
    device = await make();
  });
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });

  /** A foreign client: whatever path, protocols and headers. Resolves with "open" or the HTTP status it got. */
  const knock = (
    path: string,
    protocols: string[],
    options: ClientOptions = {},
    to = device,
  ): Promise<{ status: number | 'open'; socket: WebSocket }> =>
    new Promise((resolve, reject) => {
      const socket = new WebSocket(`ws://127.0.0.1:${to.port}${path}`, protocols, options);
      ends.push(() => socket.terminate());
      socket.on('error', reject);
      socket.on('open', () => resolve({ status: 'open', socket }));
      socket.on('unexpected-response', (_, response) => {
        response.resume();
        socket.on('error', () => {});
        resolve({ status: response.statusCode ?? 0, socket });
      });
    });
  const raw = async (): Promise<Socket> => {
    const socket = connect({ host: '127.0.0.1', port: device.port });
    ends.push(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };

  it('is links on the one path with the one subprotocol', async () => {
    expect((await knock('/cpns/v1', ['cpns.v1'])).status).toBe('open');
    expect((await knock('/cpns/v1', ['other', 'cpns.v1'])).status).toBe('open');
    expect((await knock('/cpns/v2', ['cpns.v1'])).status).toBe(404);
    expect((await knock('/', ['cpns.v1'])).status).toBe(404);
    expect((await knock('/cpns/v1', ['other'])).status).toBe(400);
    expect((await knock('/cpns/v1', [])).status).toBe(400);
    expect(device.links).toHaveLength(2);
  });

  it('is its own page in a browser, and no page from elsewhere', async () => {
    const from = (origin: string, host = `127.0.0.1:${device.port}`) => knock('/cpns/v1', ['cpns.v1'], { origin, headers: { Host: host } });
    expect((await from(`http://127.0.0.1:${device.port}`)).status).toBe('open');
    expect((await from(`http://${device.id}.local:7000`, `${device.id}.local:7000`)).status).toBe('open');
    expect((await from('https://example.org')).status).toBe(403);
    expect((await from('http://rebound.example.org:7000', 'rebound.example.org:7000')).status).toBe(403);
    expect((await from('null')).status).toBe(403);
  });

  it('is octets, not text', async () => {
    const { socket } = await knock('/cpns/v1', ['cpns.v1']);
    const receiver = Receiver.on(device.links[0] as never);
    socket.send('hello');
    const [code] = await once(socket, 'close');
    expect(code).toBe(1003);
    await receiver.notes.until(() => receiver.closings.length > 0);
    expect(receiver).toMatchObject({ frames: [], closings: ['the other device sent text instead of octets'] });
  });

  it('is frames up to their longest, and nothing longer', async () => {
    const { socket } = await knock('/cpns/v1', ['cpns.v1']);
    const receiver = Receiver.on(device.links[0] as never);
    socket.send(new Uint8Array(MAX_FRAME_OCTETS));
    await receiver.notes.until(() => receiver.frames.length === 1);
    socket.send(new Uint8Array(MAX_FRAME_OCTETS + 1));
    const [code] = await once(socket, 'close');
    expect(code).toBe(1009);
    await receiver.notes.until(() => receiver.closings.length > 0);
    expect(receiver.closings).toEqual(['the other device sent a frame that is too long']);
    expect(receiver.frames).toHaveLength(1);
  });

  it('is no endless frame, in however many fragments', async () => {
    const { socket } = await knock('/cpns/v1', ['cpns.v1']);
    const receiver = Receiver.on(device.links[0] as never);
    socket.on('error', () => {});
    for (let i = 0; i < 200; i++) socket.send(new Uint8Array(1), { fin: false });
    await receiver.notes.until(() => receiver.closings.length > 0);
    expect(receiver.frames).toEqual([]);
  });

  it('is as many links as are allowed, and more when one has gone', async () => {
    const small = await make({ maxLinks: 3 });
    const dialler = await make();
    const address = `127.0.0.1:${small.port}`;
    const links = [];
    for (let i = 0; i < 3; i++) links.push(await dialler.lan.dial([address], never));
    await expect(dialler.lan.dial([address], never)).rejects.toMatchObject({ code: 'PeerBusy', retryable: true });
    const [first] = small.links;
    const receiver = Receiver.on(first as never);
    links[0]?.close('done');
    await receiver.notes.until(() => receiver.closings.length > 0);
    await expect(dialler.lan.dial([address], never)).resolves.toBeDefined();
  });

  it('is handshakes 4/s, burst 16, per address (limits.handshakesPerSecondPerAddress, handshakeBurstPerAddress)', async () => {
    const statuses = await Promise.all(Array.from({ length: 20 }, () => knock('/nothing', ['cpns.v1'])));
    expect(statuses.filter((s) => s.status === 404)).toHaveLength(16);
    expect(statuses.filter((s) => s.status === 429)).toHaveLength(4);
    expect((await knock('/cpns/v1', ['cpns.v1'], { localAddress: '127.0.0.2' })).status).toBe('open');
  });

  it('is no connection that never finishes its request', async () => {
    const socket = await raw();
    socket.write('GET /cpns/v1 HTTP/1.1\r\nHost: x\r\n');
    await once(socket, 'close');
    expect(device.links).toEqual([]);
  }, 15_000);

  it('is nothing that is not HTTP', async () => {
    const socket = await raw();
    socket.write(Buffer.alloc(20_000, 0x41));
    await once(socket, 'close');
    expect((await knock('/cpns/v1', ['cpns.v1'])).status).toBe('open');
  });

  it('is a bounded number of idle connections', async () => {
    const small = await make({ maxLinks: 2 });
    const sockets = Array.from({ length: 60 }, () => connect({ host: '127.0.0.1', port: small.port }));
    ends.push(() => sockets.forEach((socket) => void socket.destroy()));
    let closed = 0;
    await new Promise<void>((resolve) => {
      for (const socket of sockets) {
        socket.on('error', () => {});
        socket.on('close', () => {
          closed++;
          if (closed === 60 - 34) resolve();
        });
        socket.resume();
      }
    });
    expect(closed).toBe(26);
  });

  it('ends with a peer that reads too slowly', async () => {
    const patient = await make({ maxQueuedOctets: 262_144 });
    const { socket } = await knock('/cpns/v1', ['cpns.v1'], {}, patient);
    const [link] = patient.links;
    const receiver = Receiver.on(link as never);
    socket.pause();
    for (let i = 0; i < 2_000 && receiver.closings.length === 0; i++) {
      link?.send(new Uint8Array(16_384));
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    expect(receiver.closings).toEqual(['the other device reads too slowly']);
  });

  it('tells who asks by address what mDNS tells everybody, and has no other pages by itself', async () => {
    device.lan.announce({ mode: 2, pairing: true });
    const get = (path: string): Promise<[number, string]> =>
      new Promise((resolve, reject) => {
        const call = request({ host: '127.0.0.1', port: device.port, path, agent: false }, (response) => {
          let text = '';
          response.on('data', (part) => {
            text += part;
          });
          response.on('end', () => resolve([response.statusCode ?? 0, text]));
        });
        call.on('error', reject).end();
      });
    expect(await get('/cpns/v1')).toEqual([200, JSON.stringify({ id: device.id, v: '1', mode: '2', pairing: '1' })]);
    expect(await get('/etc/passwd')).toEqual([404, '']);
    const [status] = await get('/');
    expect(status).toBe(404);
  });
});

describe('where a device listens', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  const device = (options: Partial<LanOptions> = {}) => {
    const made = new LanDevice({ mdnsPort: privatePort(), ...options });
    ends.push(() => made.lan.stop());
    return made;
  };

  it('is the same port on all addresses of the chosen interface', async () => {
    const lo = await device().start();
    expect(lo.lan.addresses()).toEqual([`127.0.0.1:${lo.port}`, ...(HAS_IPV6 ? [`[::1]:${lo.port}`] : [])]);
    const other = await device().start();
    for (const address of lo.lan.addresses()) {
      const link = await other.lan.dial([address], never);
      expect(link.remote).toBe(address);
    }
  });

  it('is not on other interfaces', async () => {
    const others = Object.values(networkInterfaces()).flatMap((infos) => (infos ?? []).filter((i) => !i.internal && i.family === 'IPv4'));
    // Where there is no other interface, another address of loopback stands for it.
    const other = others[0]?.address ?? '127.0.0.2';
    const lo = await device().start();
    const near = await device().start();
    await expect(near.lan.dial([`${other}:${lo.port}`], never)).rejects.toMatchObject({ code: 'Unreachable' });
  });

  it('says in one sentence that the port is taken, and leaves nothing open', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => server.close());
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    await expect(device({ port }).start()).rejects.toMatchObject({
      family: 'Config',
      code: 'PortTaken',
      message: `TCP port ${port} is taken by another program: end that, or choose another in pan.lan.port (0 takes a free one).`,
    });
    await new Promise((resolve) => server.close(resolve));
    expect((await device({ port }).start()).port).toBe(port);
  });

  it('is nowhere, with a word about it, while the named interface is not up', async () => {
    const lonely = await device({ interfaces: ['nonesuch0'] }).start();
    expect(lonely.lan.addresses()).toEqual([]);
    expect(lonely.trouble).toMatch(/nonesuch0 named in pan.lan.interfaces is not up/);
  });
});
