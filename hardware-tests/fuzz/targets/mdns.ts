import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readAnnouncement } from '@cpns/agent';
import { CpnsError, isEntityId } from '@cpns/shared';
import { InterfaceWatch, MdnsService } from '@cpns/shared/node';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { must } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { DNS_TYPE, dnsName, dnsQuery, dnsResponse, srvData, txtData, type WireRecord } from './dns-packet.js';

const DOMAIN = '_cpns._tcp.local';
const HOST = 'cpns-honest.local';
const LOOPBACK = new Uint8Array([127, 0, 0, 1]);
/** Virtual time between two inputs: what one service changes is told four times a second, and the guard counts packets. */
const GAP_MS = 300;
const HEARD_WITHIN_MS = 3_000;

function announced(name: string, txt: readonly string[], ttl?: number): WireRecord[] {
  const instance = `${name}.${DOMAIN}`;
  const life = ttl === undefined ? {} : { ttl };
  return [
    { name: DOMAIN, type: DNS_TYPE.ptr, data: dnsName(instance), ...life },
    { name: instance, type: DNS_TYPE.srv, data: srvData(7474, HOST), ...life },
    { name: instance, type: DNS_TYPE.txt, data: txtData(txt), ...life },
    { name: HOST, type: DNS_TYPE.a, data: LOOPBACK, ...life },
  ];
}

const TXT = ['v=1', 'mode=2', 'pairing=0'];
/** Every name after the first is two octets that point back to it. */
const COMPRESSED = Buffer.concat([
  dnsResponse([
    { name: DOMAIN, type: DNS_TYPE.ptr, data: Buffer.concat([Buffer.from([5]), Buffer.from('board'), Buffer.from([0xc0, 12])]) },
  ]),
]);

const SEEDS: Readonly<Record<string, Uint8Array>> = {
  announcement: dnsResponse(announced('board', TXT)),
  goodbye: dnsResponse(announced('board', TXT, 0)),
  'two-devices': dnsResponse([...announced('board', TXT), ...announced('phone', TXT)]),
  compressed: COMPRESSED,
  'srv-without-txt': dnsResponse(announced('tablet', TXT).slice(1, 2)),
  'long-txt': dnsResponse(announced('printer', [...TXT, ...Array.from({ length: 20 }, (_, i) => `k${i}=${'x'.repeat(100)}`)])),
  question: dnsQuery(DOMAIN, DNS_TYPE.ptr),
  'question-for-all': dnsQuery(`listener.${DOMAIN}`, DNS_TYPE.any),
};

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  return port;
}

/** The real discovery on the loopback interface, with time in our hands, and an honest device that is heard after every input. */
class Listener {
  readonly #clock = new VirtualClock();
  readonly #logger = new MemoryLogger();
  readonly #watch = new InterfaceWatch({ clock: this.#clock, pollMs: 60_000, interfaces: ['lo'] });
  readonly #service: MdnsService;
  readonly #heard = new Map<string, () => void>();
  readonly #sender: Socket = createSocket('udp4');
  #count = 0;

  constructor(readonly port: number) {
    this.#service = new MdnsService(
      {
        clock: this.#clock,
        entropy: new InsecureSeededEntropy('listener'),
        logger: this.#logger,
        watch: this.#watch,
        type: 'cpns',
        accepts: isEntityId,
        port,
      },
      {
        found: (sighting) => {
          readAnnouncement(sighting.txt);
          must(isEntityId(sighting.name) && sighting.endpoints.length <= 8, 'a sighting that cannot be');
          if (sighting.name === 'honest') this.#heard.get(sighting.txt.get('n') ?? '')?.();
        },
      },
    );
  }

  async start(): Promise<void> {
    await this.#watch.start();
    this.#service.publish({ name: 'listener', port: 7474, txt: { v: '1', mode: '0', pairing: '0' } });
    this.#service.start();
    // The socket joins its group in its own time.
    for (let left = 20; ; left--) {
      try {
        return await this.hearHonest(100);
      } catch (error) {
        if (left === 0) throw error;
      }
    }
  }

  async take(packet: Uint8Array): Promise<void> {
    this.#logger.lines.length = 0;
    if (packet.length > 0 && packet.length <= 9_100) this.#sender.send(packet, this.port, '127.0.0.1');
    await this.hearHonest(HEARD_WITHIN_MS);
  }

  /** A new word of the honest device must come through. */
  async hearHonest(withinMs: number): Promise<void> {
    const word = String(++this.#count);
    await this.#clock.advance(GAP_MS);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new CpnsError('Timeout', 'NotHeard', 'An honest announcement was not heard.')), withinMs);
      this.#heard.set(word, () => {
        clearTimeout(timer);
        resolve();
      });
      this.#sender.send(dnsResponse(announced('honest', [...TXT, `n=${word}`])), this.port, '127.0.0.1');
    }).finally(() => this.#heard.delete(word));
  }

  async stop(): Promise<void> {
    const stopped = this.#service.stop();
    await this.#clock.run(stopped);
    this.#watch.stop();
    this.#sender.close();
  }
}

export const mdns: FuzzTarget = {
  name: 'mdns',
  title: 'mDNS packets, through the real adapter on the loopback interface',
  tokens: ['_cpns', '_tcp', 'local', 'board', '\u00c0\u000c', '\u0000', 'v=1', 'mode='],
  seeds: () => new Map(Object.entries(SEEDS)),
  async open(): Promise<OpenTarget> {
    const listener = new Listener(await freePort());
    await listener.start();
    return { fuzz: (data) => listener.take(data), close: () => listener.stop() };
  },
};
