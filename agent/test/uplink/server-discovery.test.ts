import { createSocket, type RemoteInfo } from 'node:dgram';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { CpnsError, type ServerId, serverId } from '@cpns/shared';
import { InterfaceWatch, MdnsService, SystemClock } from '@cpns/shared/node';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { ServerDiscovery, type ServerDiscoveryOptions } from '../../src/uplink/server-discovery.js';

interface Codec {
  encode(packet: unknown): Buffer;
  decode(octets: Buffer): { readonly id: number; readonly questions: readonly { readonly name: string }[] };
}
const mdnsOf = createRequire(createRequire(import.meta.url).resolve('bonjour-service'));
const codec = createRequire(mdnsOf.resolve('multicast-dns'))('dns-packet') as Codec;

const clock = new SystemClock();
const entropy = new InsecureSeededEntropy('server-discovery');
const logger = new MemoryLogger();
const never = new AbortController().signal;
const home = serverId('home.example.org');
const NO_NAME_SERVER = '127.0.0.1:9';

describe('finding the CPNS Server', () => {
  const ends: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  const mdnsPort = () => 20_000 + Math.floor(Math.random() * 10_000);
  const discovery = (options: Partial<ServerDiscoveryOptions> = {}) => {
    const made = new ServerDiscovery({
      clock,
      entropy,
      logger,
      serverId: home,
      interfaces: ['lo'],
      nameServers: [NO_NAME_SERVER],
      mdnsPort: mdnsPort(),
      ...options,
    });
    ends.push(() => made.stop());
    return made;
  };
  /** A name server that answers every question with `answers`. Its address, and what it was asked. */
  const nameServer = async (answers: unknown[]) => {
    const asked: string[] = [];
    const socket = createSocket('udp4');
    socket.on('message', (message: Buffer, from: RemoteInfo) => {
      const query = codec.decode(message);
      asked.push(...query.questions.map((q) => q.name));
      socket.send(codec.encode({ type: 'response', id: query.id, questions: query.questions, answers }), from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    ends.push(() => socket.close());
    return { address: `127.0.0.1:${(socket.address() as AddressInfo).port}`, asked };
  };
  const announce = async (udpPort: number, name: string, port: number, id: ServerId) => {
    const watch = new InterfaceWatch({ clock, interfaces: ['lo'] });
    const service = new MdnsService(
      { clock, entropy, logger, watch, type: 'cpns-server', accepts: () => false, browse: false, port: udpPort },
      {},
    );
    await watch.start();
    service.publish({ name, port, txt: { v: '1', id } });
    service.start();
    ends.push(() => {
      watch.stop();
      return service.stop();
    });
  };
  const srv = (target: string, port: number, priority: number, weight = 0) => ({
    name: '_cpns._tcp.example.org',
    type: 'SRV',
    data: { target, port, priority, weight },
  });

  it('takes the address of the enrolment first, then the configured one, and asks nobody', async () => {
    const dns = await nameServer([]);
    const found = await discovery({
      enrolled: '192.0.2.1:8883',
      configured: '[2001:db8::1]:8884',
      domain: 'example.org',
      nameServers: [dns.address],
    }).resolve(never);
    expect(found).toEqual([
      { host: '192.0.2.1', port: 8883 },
      { host: '2001:db8::1', port: 8884 },
    ]);
    expect(dns.asked).toEqual([]);
  });

  it('asks the DNS of the domain and keeps its order', async () => {
    const dns = await nameServer([
      srv('third.example.org', 3, 20),
      srv('second.example.org', 2, 10, 0),
      srv('first.example.org', 1, 10, 60_000),
    ]);
    const found = await discovery({ domain: 'example.org', nameServers: [dns.address] }).resolve(never);
    expect(dns.asked).toEqual(['_cpns._tcp.example.org']);
    expect(found).toEqual([
      { host: 'first.example.org', port: 1 },
      { host: 'second.example.org', port: 2 },
      { host: 'third.example.org', port: 3 },
    ]);
  });

  it('passes over records that name no place, and takes eight at most', async () => {
    const dns = await nameServer([
      srv('.', 0, 1),
      srv('x.example.org', 0, 1),
      ...Array.from({ length: 20 }, (_, i) => srv(`s${i}.example.org`, 1 + i, 5)),
    ]);
    const found = await discovery({ domain: 'example.org', nameServers: [dns.address] }).resolve(never);
    expect(found).toHaveLength(8);
    expect(found.every(({ host }) => /^s\d+\.example\.org$/.test(host))).toBe(true);
  });

  it('finds the server on the local network, its own and no other', async () => {
    const udpPort = mdnsPort();
    await announce(udpPort, 'other', 9999, serverId('other'));
    await announce(udpPort, 'home-example-org', 8883, home);
    const found = await discovery({ mdnsPort: udpPort, domain: 'example.org' }).resolve(never);
    expect(found[0]).toEqual({ host: '127.0.0.1', port: 8883 });
    expect(found.every(({ port }) => port === 8883)).toBe(true);
  });

  it('looks around when the known address does not seem to help', async () => {
    const udpPort = mdnsPort();
    await announce(udpPort, 'home', 8883, home);
    const looking = discovery({ mdnsPort: udpPort, enrolled: '192.0.2.1:8883' });
    const fixed = { host: '192.0.2.1', port: 8883 };
    expect(await looking.resolve(never)).toEqual([fixed]);
    expect(await looking.resolve(never)).toEqual([fixed]);
    let found = await looking.resolve(never);
    for (let tries = 0; tries < 100 && found.length === 1; tries++) {
      await new Promise((resolve) => clock.after(20, () => resolve(undefined)));
      found = await looking.resolve(never);
    }
    expect(found[0]).toEqual(fixed);
    expect(found).toContainEqual({ host: '127.0.0.1', port: 8883 });
  });

  it('says what to do when there is none', async () => {
    const startedMs = clock.monotonicMs();
    await expect(discovery().resolve(never)).rejects.toMatchObject({ family: 'Config', code: 'NoServer', retryable: true });
    expect(clock.monotonicMs() - startedMs).toBeLessThan(6_000);
  });

  it('can be aborted while it waits for the network or the DNS', async () => {
    const reason = new CpnsError('State', 'Stopping', 'The agent is stopping.');
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    ends.push(() => silent.close());
    for (const options of [{}, { domain: 'example.org', nameServers: [`127.0.0.1:${(silent.address() as AddressInfo).port}`] }]) {
      const controller = new AbortController();
      const outcome = discovery(options).resolve(controller.signal);
      setImmediate(() => controller.abort(reason));
      await expect(outcome).rejects.toBe(reason);
    }
  });

  it('refuses an address that is none', () => {
    expect(() => discovery({ configured: 'somewhere' })).toThrowError(/is not an address/);
  });
});
