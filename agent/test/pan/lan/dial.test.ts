import { type AddressInfo, createServer, type Server } from 'node:net';
import { CpnsError } from '@cpns/shared';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dial } from '../../../src/pan/lan/dial.js';
import { clock, LanDevice, Notes, privatePort, Receiver } from './lan-lab.js';

const never = new AbortController().signal;
const options = { clock, maxQueuedOctets: 1_000_000 };

describe('dialling', () => {
  const ends: (() => unknown)[] = [];
  let device: LanDevice;
  beforeEach(async () => {
    device = await new LanDevice({ mdnsPort: privatePort() }).start();
    ends.push(() => device.lan.stop());
  });
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });

  /** A TCP server that treats whoever connects as `greet` says; its address and how many came. */
  const server = async (greet: Parameters<typeof createServer>[1] = () => {}) => {
    const visits = new Notes();
    let present = 0;
    const made: Server = createServer((socket) => {
      present++;
      visits.note('came');
      socket.on('error', () => {});
      socket.on('close', () => {
        present--;
        visits.note('left');
      });
      socket.resume();
      greet(socket);
    });
    await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
    ends.push(() => made.close());
    return {
      address: `127.0.0.1:${(made.address() as AddressInfo).port}`,
      count: () => visits.log.filter((line) => line === 'came').length,
      everybodyLeft: () => visits.until(() => present === 0),
    };
  };
  const here = () => `127.0.0.1:${device.port}`;

  it('takes the first address that answers and leaves the others', async () => {
    const silent = await server();
    const closed = await server((socket) => socket.destroy());
    const link = await dial([silent.address, closed.address, here(), '[::1]:1'], never, { ...options, staggerMs: 10 });
    expect(link.remote).toBe(here());
    expect([silent.count(), closed.count()]).toEqual([1, 1]);
    await silent.everybodyLeft();
    const receiver = Receiver.on(device.links[0] as never);
    link.send(Uint8Array.of(1));
    await receiver.notes.until(() => receiver.frames.length === 1);
    link.close('done');
  });

  it('keeps one link when two addresses of one device answer', async () => {
    const link = await dial([here(), `localhost:${device.port}`], never, { ...options, staggerMs: 0 });
    Receiver.on(link);
    link.send(Uint8Array.of(7));
    const receivers = device.links.map(Receiver.on);
    await Promise.race(receivers.map((r) => r.notes.until(() => r.frames.length === 1)));
    await Promise.all(receivers.filter((r) => r.frames.length === 0).map((r) => r.notes.until(() => r.closings.length === 1)));
    link.close('done');
  });

  it('gives up at once when aborted, and takes nobody along', async () => {
    const silent = await server();
    const controller = new AbortController();
    const outcome = dial([silent.address], controller.signal, options);
    const reason = new CpnsError('State', 'Stopping', 'The agent is stopping.');
    controller.abort(reason);
    await expect(outcome).rejects.toBe(reason);
    await silent.everybodyLeft();
    await expect(dial([here()], controller.signal, options)).rejects.toBe(reason);
    expect(device.links).toEqual([]);
  });

  it('gives up an address that does not answer in time', async () => {
    const silent = await server();
    await expect(dial([silent.address], never, { ...options, attemptMs: 50 })).rejects.toMatchObject({
      family: 'Timeout',
      code: 'NoAnswer',
      retryable: true,
      message: `${silent.address} did not answer.`,
    });
  });

  it('says for every address why it cannot be reached', async () => {
    const gone = await server();
    await Promise.resolve(ends.pop()?.());
    const web = await server((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
    const noise = await server((socket) => socket.end('SSH-2.0-x\r\n'));
    await expect(dial([gone.address, web.address, noise.address], never, options)).rejects.toMatchObject({
      family: 'Transport',
      code: 'Unreachable',
      message: expect.stringMatching(/nothing listens there.*is no CPNS agent \(HTTP 200\)/),
    });
  });

  it('refuses a WebSocket server that speaks another protocol', async () => {
    const upgraded = await server((socket) =>
      socket.end('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n'),
    );
    await expect(dial([upgraded.address], never, options)).rejects.toMatchObject({ family: 'Transport' });
  });

  it.each([
    '',
    'nowhere',
    '1.2.3.4',
    '1.2.3.4:0',
    '1.2.3.4:99999',
    '[::1',
    'http://1.2.3.4:5',
    '1.2.3.4.5:80',
    'a b:80',
    '[fe80::1%eth0 x]:80',
  ])('refuses %j as an address', async (address) => {
    await expect(dial([address], never, options)).rejects.toMatchObject({ family: 'Config', code: 'BadAddress' });
  });

  it('needs at least one address', async () => {
    await expect(dial([], never, options)).rejects.toMatchObject({ code: 'NoAddress' });
  });

  it('passes over addresses that it cannot read', async () => {
    const link = await dial(['nonsense', here()], never, options);
    expect(link.remote).toBe(here());
    link.close('done');
  });

  it('finds a device by name', async () => {
    const link = await dial([`localhost:${device.port}`], never, options);
    expect(link.initiated).toBe(true);
    link.close('done');
  });

  it('tries no more than twelve addresses', async () => {
    const closed = await Promise.all(Array.from({ length: 14 }, () => server((socket) => socket.destroy())));
    await expect(
      dial(
        closed.map((c) => c.address),
        never,
        options,
      ),
    ).rejects.toMatchObject({ code: 'Unreachable' });
    expect(closed.map((c) => c.count())).toEqual([...Array(12).fill(1), 0, 0]);
  });
});
