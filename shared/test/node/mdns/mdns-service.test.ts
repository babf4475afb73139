import { createSocket, type Socket } from 'node:dgram';
import { createRequire } from 'node:module';
import { InsecureSeededEntropy, MemoryLogger } from '@cpns/shared/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { InterfaceWatch, MdnsService, type MdnsServiceOptions, type ServiceSighting, SystemClock } from '../../../src/node/index.js';
import { FakeHost, loopback, privatePort, uniqueName } from './networks.js';

interface Codec {
  encode(packet: unknown): Buffer;
  decode(octets: Buffer): { readonly questions: readonly { readonly name: string; readonly type: string }[] };
}
/** The codec that the library under test uses itself. */
const codec = createRequire(createRequire(import.meta.url).resolve('multicast-dns'))('dns-packet') as Codec;

const clock = new SystemClock();
const DOMAIN = '_cpns-test._tcp.local';

/** One device's mDNS, with what it noticed. */
class Device {
  readonly sightings = new Map<string, ServiceSighting>();
  readonly log: string[] = [];
  trouble: string | undefined;
  readonly service: MdnsService;
  readonly watch: InterfaceWatch;
  #watchers: (() => void)[] = [];

  constructor(
    readonly name: string,
    options: Partial<MdnsServiceOptions> & { host?: FakeHost } = {},
  ) {
    const { host, ...rest } = options;
    this.watch = new InterfaceWatch({ clock, pollMs: 50, ...(host === undefined ? { interfaces: ['lo'] } : { network: host }) });
    this.service = new MdnsService(
      {
        clock,
        entropy: new InsecureSeededEntropy(name),
        logger: new MemoryLogger(),
        watch: this.watch,
        type: 'cpns-test',
        accepts: (other) => /^[a-z0-9-]{3,40}$/.test(other),
        ...rest,
      },
      {
        found: (sighting) => {
          this.sightings.set(sighting.name, sighting);
          this.#note(`found ${sighting.name}`);
        },
        lost: (other) => {
          this.sightings.delete(other);
          this.#note(`lost ${other}`);
        },
        trouble: (sentence) => {
          this.trouble = sentence;
          this.#note(`trouble ${sentence !== undefined}`);
        },
      },
    );
  }

  async start(port = 7000, txt: Record<string, string> = { v: '1' }): Promise<this> {
    await this.watch.start();
    this.service.publish({ name: this.name, port, txt });
    this.service.start();
    return this;
  }

  until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => {
      const watch = () => {
        if (!met()) return;
        this.#watchers = this.#watchers.filter((w) => w !== watch);
        resolve();
      };
      this.#watchers.push(watch);
    });
  }

  async stop(): Promise<void> {
    this.watch.stop();
    await this.service.stop();
  }

  #note(line: string): void {
    this.log.push(line);
    for (const watch of this.#watchers) watch();
  }
}

/** What a device named `name` would announce. */
function announcement(name: string, ttl = 120): unknown[] {
  const instance = `${name}.${DOMAIN}`;
  return [
    { name: DOMAIN, type: 'PTR', ttl, data: instance },
    { name: instance, type: 'SRV', ttl, data: { port: 7000, target: `${name}.local` } },
    { name: instance, type: 'TXT', ttl, data: ['v=1'] },
  ];
}

describe('mDNS on real sockets', () => {
  const ends: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()));
  });
  const device = async (options?: ConstructorParameters<typeof Device>[1], port?: number) => {
    const made = await new Device(uniqueName('dev'), options).start(port);
    ends.push(() => made.stop());
    return made;
  };
  /** Somebody hostile on the same link. */
  const attacker = async (): Promise<{ socket: Socket; send(packet: unknown, port: number): Promise<void> }> => {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.66', resolve));
    socket.setMulticastInterface('127.0.0.1');
    ends.push(async () => socket.close());
    const send = (packet: unknown, port: number) =>
      new Promise<void>((resolve, reject) => {
        const octets = Buffer.isBuffer(packet) ? packet : codec.encode(packet);
        socket.send(octets, port, '224.0.0.251', (error) => (error ? reject(error) : resolve()));
      });
    return { socket, send };
  };

  it('finds the other within a second, on the common port, whoever was first', async () => {
    const a = await device({}, 7001);
    const startedMs = clock.monotonicMs();
    const b = await device({}, 7002);
    await Promise.all([a.until(() => a.sightings.has(b.name)), b.until(() => b.sightings.has(a.name))]);
    expect(clock.monotonicMs() - startedMs).toBeLessThan(1_000);
    expect(b.sightings.get(a.name)?.endpoints).toContain('127.0.0.1:7001');
    expect(b.sightings.get(a.name)?.txt).toEqual(new Map([['v', '1']]));
    expect(a.sightings.get(b.name)?.endpoints).toContain('127.0.0.1:7002');
    expect(a.sightings.has(a.name)).toBe(false);
  });

  it('tells of changed TXT and port, and of a goodbye', async () => {
    const port = privatePort();
    const a = await device({ port });
    const b = await device({ port });
    await a.until(() => a.sightings.has(b.name));
    b.service.publish({ name: b.name, port: 7100, txt: { v: '1', pairing: '1' } });
    await a.until(() => a.sightings.get(b.name)?.txt.get('pairing') === '1');
    expect(a.sightings.get(b.name)?.endpoints).toContain('127.0.0.1:7100');
    await b.stop();
    await a.until(() => !a.sightings.has(b.name));
  });

  it('loses a device that was killed, and keeps those that live', async () => {
    const port = privatePort();
    const a = await device({ port, maxAgeMs: 4_000 });
    const living = await device({ port, maxAgeMs: 4_000 });
    const { send } = await attacker();
    const dead = uniqueName('dead');
    await send({ type: 'response', answers: announcement(dead) }, port);
    await a.until(() => a.sightings.has(dead) && a.sightings.has(living.name));
    await a.until(() => !a.sightings.has(dead));
    expect(a.sightings.has(living.name)).toBe(true);
    expect(a.log).not.toContain(`lost ${living.name}`);
  });

  it('asks for the parts that an answer leaves out', async () => {
    const port = privatePort();
    const a = await device({ port });
    const name = uniqueName('terse');
    const responder = createSocket({ type: 'udp4', reuseAddr: true });
    ends.push(async () => responder.close());
    await new Promise<void>((resolve) => responder.bind(port, '0.0.0.0', resolve));
    responder.addMembership('224.0.0.251', '127.0.0.1');
    responder.setMulticastInterface('127.0.0.1');
    const [ptr, ...rest] = announcement(name);
    const say = (answers: unknown[]) => responder.send(codec.encode({ type: 'response', answers }), port, '224.0.0.251');
    responder.on('message', (message) => {
      const { questions } = codec.decode(message);
      for (const record of rest as { name: string; type: string }[]) {
        if (questions.some((q) => q.name === record.name && q.type === record.type)) say([record]);
      }
    });
    say([ptr]);
    await a.until(() => a.sightings.has(name));
  });

  it('is not misled by a goodbye in the name of somebody else', async () => {
    const port = privatePort();
    const a = await device({ port });
    const b = await device({ port });
    await a.until(() => a.sightings.has(b.name));
    const { send } = await attacker();
    const gone = uniqueName('gone');
    await send({ type: 'response', answers: announcement(gone) }, port);
    await a.until(() => a.sightings.has(gone));
    await send({ type: 'response', answers: [...announcement(b.name, 0), ...announcement(gone, 0)] }, port);
    await a.until(() => a.log.includes(`lost ${gone}`));
    expect(a.log).not.toContain(`lost ${b.name}`);
  });

  it('survives whatever is sent to it, keeps little of it, and still finds its like', async () => {
    const port = privatePort();
    const a = await device({ port });
    const { send } = await attacker();
    const srv = (name: string, data: unknown) => ({ name, type: 'SRV', ttl: 120, data });
    const odd: unknown[] = [
      Buffer.alloc(0),
      Buffer.alloc(9_500, 0xff),
      Buffer.from('000084000000ffff00000000c00c', 'hex'),
      Buffer.from('000000000001000000000000c00c00010001', 'hex'),
      { type: 'response', answers: [srv(`no-txt.${DOMAIN}`, { port: 1, target: 'no-txt.local' })] },
      { type: 'response', answers: [srv(`dotted.name.${DOMAIN}`, { port: 1, target: 'x.local' })] },
      { type: 'response', answers: [srv(`port-0.${DOMAIN}`, { port: 0, target: '.' })] },
      { type: 'response', answers: [srv(`${'x'.repeat(63)}.${DOMAIN}`, { port: 1, target: `${'y'.repeat(63)}.local` })] },
      { type: 'response', answers: [{ name: DOMAIN, type: 'PTR', ttl: 120, data: '.' }] },
      { type: 'response', answers: [{ name: `nul.${DOMAIN}`, type: 'TXT', ttl: 120, data: [Buffer.alloc(200)] }] },
      { type: 'response', answers: [{ name: `__proto__.${DOMAIN}`, type: 'TXT', ttl: 120, data: ['__proto__=1'] }] },
      { type: 'query', questions: Array.from({ length: 400 }, () => ({ name: DOMAIN, type: 'PTR' })) },
      { type: 'query', questions: [{ name: '.', type: 'ANY' }] },
    ];
    for (const packet of odd) await send(packet, port);
    const noise = new InsecureSeededEntropy('noise');
    const honest = codec.encode({ type: 'response', answers: announcement('victim') });
    for (let i = 0; i < 100; i++) {
      await send(Buffer.from(noise.bytes(1 + i * 5)), port);
      const [place = 0, value = 0] = noise.bytes(2);
      const bent = Buffer.from(honest);
      bent[place % bent.length] = value;
      await send(bent, port);
    }
    for (let batch = 0; batch < 200; batch++) {
      const answers = Array.from({ length: 100 }, (_, i) => srv(`f-${batch}-${i}.${DOMAIN}`, { port: 1, target: 'f.local' }));
      await send({ type: 'response', answers }, port);
    }
    const b = await device({ port });
    await b.until(() => b.sightings.has(a.name));
    await a.until(() => a.sightings.has(b.name));
    expect(a.sightings.size).toBeLessThanOrEqual(64);
  });

  it('answers a crowd of questions with few packets', async () => {
    const port = privatePort();
    const a = await device({ port });
    const { send } = await attacker();
    const listener = createSocket({ type: 'udp4', reuseAddr: true });
    ends.push(async () => listener.close());
    await new Promise<void>((resolve) => listener.bind(port, '0.0.0.0', resolve));
    listener.addMembership('224.0.0.251', '127.0.0.1');
    let answers = 0;
    const marker = Buffer.from('000084000000000000000000', 'hex');
    const ended = new Promise<void>((resolve) => {
      listener.on('message', (message) => {
        if (message.equals(marker)) resolve();
        else if (message.readUInt16BE(2) & 0x8000) answers++;
      });
    });
    const questions = Array.from({ length: 200 }, () => ({ name: `${a.name}.${DOMAIN}`, type: 'SRV' }));
    for (let i = 0; i < 100; i++) await send({ type: 'query', questions }, port);
    // What is heard after the questions shows that they have been dealt with.
    const last = uniqueName('last');
    await send({ type: 'response', answers: announcement(last) }, port);
    await a.until(() => a.sightings.has(last));
    await send(marker, port);
    await ended;
    expect(answers).toBeGreaterThan(0);
    expect(answers).toBeLessThanOrEqual(20);
  });

  it('follows the interfaces: gone with them, back with them', async () => {
    const port = privatePort();
    const host = new FakeHost([loopback]);
    const a = await device({ port, host });
    const b = await device({ port });
    await b.until(() => b.sightings.has(a.name));
    host.up = [];
    await a.until(() => a.trouble !== undefined);
    expect(a.trouble).toMatch(/no network interface/);
    host.up = [{ ...loopback, mac: '00:00:00:00:00:01' }];
    await a.until(() => a.trouble === undefined);
    b.service.publish({ name: b.name, port: 7200, txt: { v: '1' } });
    await a.until(() => a.sightings.get(b.name)?.endpoints.includes('127.0.0.1:7200') ?? false);
  });

  it('works where the system forbids to list the interfaces', async () => {
    const port = privatePort();
    const a = await device({ port, host: new FakeHost(new Error('EACCES'), '127.0.0.1') });
    const b = await device({ port });
    await Promise.all([a.until(() => a.sightings.has(b.name)), b.until(() => b.sightings.has(a.name))]);
  });

  it('lives on and says so when the port is kept by another program', async () => {
    const port = privatePort();
    const greedy = createSocket({ type: 'udp4', reuseAddr: false });
    await new Promise<void>((resolve) => greedy.bind(port, '0.0.0.0', resolve));
    const a = await device({ port });
    await a.until(() => a.trouble !== undefined);
    expect(a.trouble).toContain(`UDP port ${port}`);
    greedy.close();
    const b = await device({ port });
    await a.until(() => a.sightings.has(b.name) && a.trouble === undefined);
  });

  it('lives on when nothing can be sent, and when it is refreshed or stopped at any moment', async () => {
    const nowhere = { ...loopback, addresses: [{ address: '203.0.113.5', family: 4 as const, prefix: 24, scope: 0 }] };
    const port = privatePort();
    const a = await device({ port, host: new FakeHost([nowhere]) });
    await a.until(() => a.trouble !== undefined);
    for (let i = 0; i < 20; i++) a.service.refresh();
    const b = new Device(uniqueName('dev'), { port });
    await b.start();
    b.service.refresh();
    await Promise.all([b.stop(), b.stop(), a.stop()]);
  });
});
