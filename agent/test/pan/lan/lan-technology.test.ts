import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { afterEach, describe, expect, it } from 'vitest';
import type { LanOptions } from '../../../src/pan/lan/lan-technology.js';
import { clock, LanDevice, privatePort, Receiver, uniqueId } from './lan-lab.js';

interface Codec {
  encode(packet: unknown): Buffer;
}
const mdnsOf = createRequire(createRequire(import.meta.url).resolve('bonjour-service'));
const codec = createRequire(mdnsOf.resolve('multicast-dns'))('dns-packet') as Codec;

const never = new AbortController().signal;
const DOMAIN = '_cpns._tcp.local';

describe('two agents on one network', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  const device = async (options: Partial<LanOptions> = {}) => {
    const made = await new LanDevice(options).start();
    ends.push(() => made.lan.stop());
    return made;
  };
  /** Sends mDNS packets as anybody on the network could. */
  const stranger = async (port: number, address = '127.0.0.66') => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, address, resolve));
    socket.setMulticastInterface('127.0.0.1');
    ends.push(() => socket.close());
    return (packet: unknown) => new Promise<void>((resolve) => socket.send(codec.encode(packet), port, '224.0.0.251', () => resolve()));
  };

  it('find each other within a second at the common mDNS port, dial, and talk', async () => {
    const startedMs = clock.monotonicMs();
    const [a, b] = await Promise.all([device(), device()]);
    await Promise.all([a.until(() => a.sightings.has(b.id)), b.until(() => b.sightings.has(a.id))]);
    const sighting = a.sightings.get(b.id);
    expect(sighting).toMatchObject({ id: b.id, technology: 'lan', mode: 0, pairing: false });
    expect(sighting?.addresses[0]).toBe(`127.0.0.1:${b.port}`);
    const accepted = b.nextLink();
    const link = await a.lan.dial(sighting?.addresses ?? [], never);
    const receiver = Receiver.on(await accepted);
    link.send(Uint8Array.of(1, 2, 3));
    await receiver.notes.until(() => receiver.frames.length === 1);
    expect(clock.monotonicMs() - startedMs).toBeLessThan(1_000);
    expect(receiver.frames).toEqual([Uint8Array.of(1, 2, 3)]);
  });

  it('see each other change mode and open the pairing window', async () => {
    const mdnsPort = privatePort();
    const [a, b] = await Promise.all([device({ mdnsPort }), device({ mdnsPort })]);
    b.lan.announce({ mode: 2, pairing: true });
    await a.until(() => a.sightings.get(b.id)?.pairing === true);
    expect(a.sightings.get(b.id)?.mode).toBe(2);
    b.lan.announce({ mode: 3, pairing: false });
    await a.until(() => a.sightings.get(b.id)?.mode === 3);
    expect(a.sightings.get(b.id)?.pairing).toBe(false);
  });

  it('follow a device that comes back with another port', async () => {
    const mdnsPort = privatePort();
    const a = await device({ mdnsPort });
    const first = await device({ mdnsPort });
    await a.until(() => a.sightings.has(first.id));
    const earlier = a.sightings.get(first.id)?.addresses[0];
    await first.lan.stop();
    const second = await device({ mdnsPort, id: first.id });
    await a.until(() => a.sightings.get(first.id)?.addresses[0] === `127.0.0.1:${second.port}`);
    expect(earlier).not.toBe(`127.0.0.1:${second.port}`);
    const link = await a.lan.dial(a.sightings.get(first.id)?.addresses ?? [], never);
    expect(link.remote).toBe(`127.0.0.1:${second.port}`);
  });

  it('say goodbye, and close the links they have', async () => {
    const mdnsPort = privatePort();
    const [a, b] = await Promise.all([device({ mdnsPort }), device({ mdnsPort })]);
    await a.until(() => a.sightings.has(b.id));
    const receiver = Receiver.on(await a.lan.dial(a.sightings.get(b.id)?.addresses ?? [], never));
    await b.lan.stop();
    await receiver.notes.until(() => receiver.closings.length > 0);
    expect(receiver.closings).toEqual(['the other device closed the connection']);
    await a.until(() => !a.sightings.has(b.id));
    await expect(a.lan.dial([`127.0.0.1:${b.port || 1}`], never)).rejects.toThrow();
  });

  it('keep their link when somebody says goodbye in the name of one of them', async () => {
    const mdnsPort = privatePort();
    const [a, b] = await Promise.all([device({ mdnsPort }), device({ mdnsPort })]);
    await a.until(() => a.sightings.has(b.id));
    const link = await a.lan.dial(a.sightings.get(b.id)?.addresses ?? [], never);
    const [left, right] = [Receiver.on(link), Receiver.on(b.links[0] as never)];
    const send = await stranger(mdnsPort);
    const instance = `${b.id}.${DOMAIN}`;
    const ghost = uniqueId('ghost');
    const records = (id: string, ttl: number) => [
      { name: DOMAIN, type: 'PTR', ttl, data: `${id}.${DOMAIN}` },
      { name: `${id}.${DOMAIN}`, type: 'SRV', ttl, data: { port: 1, target: `${id}.local` } },
      { name: `${id}.${DOMAIN}`, type: 'TXT', ttl, data: ['v=1', 'mode=0', 'pairing=0'] },
    ];
    await send({ type: 'response', answers: records(ghost, 120) });
    await a.until(() => a.sightings.has(ghost));
    await send({
      type: 'response',
      answers: [...records(b.id, 0), { name: instance, type: 'SRV', ttl: 0, data: { port: 0, target: '.' } }, ...records(ghost, 0)],
    });
    // The ghost, who does not contradict, shows when a goodbye takes effect.
    await a.until(() => a.notes.log.includes(`lost ${ghost}`));
    link.send(Uint8Array.of(9));
    await right.notes.until(() => right.frames.length === 1);
    expect(left.closings).toEqual([]);
    expect(a.notes.log).not.toContain(`lost ${b.id}`);
  });

  it('find each other beside 20,000 forged devices', async () => {
    const mdnsPort = privatePort();
    const a = await device({ mdnsPort });
    const send = await stranger(mdnsPort);
    for (let batch = 0; batch < 400; batch++) {
      const answers = Array.from({ length: 50 }, (_, i) => ({
        name: `forged-${batch}-${i}.${DOMAIN}`,
        type: i % 2 === 0 ? 'SRV' : 'TXT',
        ttl: 120,
        data: i % 2 === 0 ? { port: 1, target: 'x.local' } : ['v=1', 'mode=0'],
      }));
      await send({ type: 'response', answers });
    }
    const b = await device({ mdnsPort });
    await Promise.all([a.until(() => a.sightings.has(b.id)), b.until(() => b.sightings.has(a.id))]);
    expect(a.sightings.size).toBeLessThanOrEqual(64);
  });

  it('do not report who announces another version or nonsense, and lose who begins to', async () => {
    const mdnsPort = privatePort();
    const a = await device({ mdnsPort });
    const send = await stranger(mdnsPort);
    const id = uniqueId('odd');
    const say = (txt: string[], name: string = id) =>
      send({
        type: 'response',
        answers: [
          { name: `${name}.${DOMAIN}`, type: 'SRV', ttl: 120, data: { port: 7, target: `${name}.local` } },
          { name: `${name}.${DOMAIN}`, type: 'TXT', ttl: 120, data: txt },
        ],
      });
    await say(['v=2', 'mode=1']);
    await say(['v=1', 'mode=1'], '0123456789abcdef');
    await say(['v=1', 'mode=1'], 'has_underscore');
    await say(['v=1', 'mode=1'], id);
    await a.until(() => a.sightings.has(id));
    await say(['v=1', 'mode=7']);
    await a.until(() => !a.sightings.has(id));
    expect(a.notes.log).toEqual([`sighted ${id}`, `lost ${id}`]);
  });

  it('do not see themselves', async () => {
    const mdnsPort = privatePort();
    const a = await device({ mdnsPort });
    const b = await device({ mdnsPort });
    await Promise.all([a.until(() => a.sightings.has(b.id)), b.until(() => b.sightings.has(a.id))]);
    expect(a.sightings.has(a.id)).toBe(false);
  });

  it('can be stopped at any moment, and before they were started', async () => {
    const idle = new LanDevice({ mdnsPort: privatePort() });
    idle.lan.announce({ mode: 0, pairing: false });
    idle.lan.refresh();
    expect(idle.lan.addresses()).toEqual([]);
    await idle.lan.stop();
    const a = await device({ mdnsPort: privatePort() });
    a.lan.refresh();
    await Promise.all([a.lan.stop(), a.lan.stop()]);
    const early = new LanDevice({ mdnsPort: privatePort() });
    const starting = early.start();
    await Promise.all([early.lan.stop(), starting]);
    expect(early.lan.addresses()).toEqual([]);
  });
});
