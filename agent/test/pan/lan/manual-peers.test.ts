import { createServer, type RequestListener } from 'node:http';
import { VirtualClock } from '@cpns/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { LanDevice, privatePort, TcpProxy } from './lan-lab.js';

describe('devices named by address', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  /** Devices whose multicast does not reach each other. */
  const device = async (peers: string[] = [], options: object = {}) => {
    const made = await new LanDevice({ mdnsPort: privatePort(), peers, ...options }).start();
    ends.push(() => made.lan.stop());
    return made;
  };
  const impostor = async (answer: RequestListener) => {
    const server = createServer(answer);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ends.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const bound = server.address();
    return `127.0.0.1:${typeof bound === 'object' ? bound?.port : 0}`;
  };

  it('are found without multicast, and can be dialled', async () => {
    const far = await device();
    far.lan.announce({ mode: 2, pairing: true });
    const near = await device([`localhost:${far.port}`]);
    await near.until(() => near.sightings.has(far.id));
    expect(near.sightings.get(far.id)).toEqual({
      id: far.id,
      technology: 'lan',
      mode: 2,
      pairing: true,
      addresses: [`localhost:${far.port}`],
    });
    const link = await near.lan.dial(near.sightings.get(far.id)?.addresses ?? [], new AbortController().signal);
    expect(link.initiated).toBe(true);
  });

  it('can be named later', async () => {
    const far = await device();
    const near = await device();
    near.lan.addPeer(`127.0.0.1:${far.port}`);
    await near.until(() => near.sightings.has(far.id));
    expect(() => near.lan.addPeer('nowhere')).toThrowError(/is not an address/);
  });

  it('are found soon although they were not there at first', async () => {
    const clock = new VirtualClock();
    const far = await device();
    const { port } = far;
    await far.lan.stop();
    const near = await device([`127.0.0.1:${port}`], { clock });
    const again = await device([], { id: far.id, port });
    const startedMs = clock.monotonicMs();
    await clock.run(near.until(() => near.sightings.has(again.id)));
    expect(clock.monotonicMs() - startedMs).toBeLessThan(3_000);
  });

  it('are not lost while they answer at one of their addresses', async () => {
    const far = await device();
    const proxy = await TcpProxy.to('127.0.0.1', far.port);
    const clock = new VirtualClock();
    const near = await device([`127.0.0.1:${far.port}`, proxy.address], { clock });
    await near.until(() => near.sightings.get(far.id)?.addresses.length === 2);
    proxy.close();
    await clock.run(near.until(() => near.sightings.get(far.id)?.addresses.length === 1));
    expect(near.sightings.get(far.id)?.addresses).toEqual([`127.0.0.1:${far.port}`]);
    expect(near.notes.log).not.toContain(`lost ${far.id}`);
  });

  it('are lost when they are silent for three visits', async () => {
    const far = await device();
    const clock = new VirtualClock();
    const near = await device([`127.0.0.1:${far.port}`], { clock });
    await near.until(() => near.sightings.has(far.id));
    await far.lan.stop();
    await clock.run(near.until(() => !near.sightings.has(far.id)));
    expect(near.notes.log).toContain(`lost ${far.id}`);
  });

  it.each<[string, RequestListener]>([
    ['nonsense', (_, response) => response.end('<html>')],
    ['a refusal', (_, response) => response.writeHead(404).end('{"id":"phone","v":"1","mode":"1"}')],
    ['endlessly', (_, response) => void response.write('x'.repeat(5_000))],
    ['by breaking off', (request) => request.socket.destroy()],
  ])('are not believed when what is there answers with %s', async (_, answer) => {
    let asked = () => {};
    const wasAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const address = await impostor((request, response) => {
      answer(request, response);
      asked();
    });
    const far = await device();
    const near = await device([address, `127.0.0.1:${far.port}`]);
    await wasAsked;
    await near.until(() => near.sightings.has(far.id));
    expect([...near.sightings.keys()]).toEqual([far.id]);
  });

  it('must be written as an address', async () => {
    await expect(device(['just-a-name'])).rejects.toMatchObject({ family: 'Config', code: 'BadAddress' });
  });
});
