/// <reference path="./dns-packet.d.ts" />
import { type Clock, sleep } from '@cpns/shared';
import dnsPacket, { type Answer } from 'dns-packet';
import type { FoundService } from '../rig.js';
import type { Multicast, MulticastHost } from './multicast.js';

/** Answers that come later are not waited for. */
const LISTEN_MS = 500;
const MDNS_PORT = 5353;
const GROUP = '224.0.0.251';

/** Somebody on the simulated network who asks by multicast DNS what there is, and knows nothing of CPNS. */
export class ForeignResolver {
  readonly #multicast: Multicast;
  readonly #host: MulticastHost;
  readonly #clock: Clock;

  constructor(multicast: Multicast, host: MulticastHost, clock: Clock) {
    this.#multicast = multicast;
    this.#host = host;
    this.#clock = clock;
  }

  /** What answers now, resolved from instance to address (RFC 6763 section 4). */
  async browse(type: string): Promise<FoundService[]> {
    const domain = `${type}.local`;
    const records: Answer[] = [];
    const network = this.#multicast.network(this.#host);
    const socket = network.createSocket({ type: 'udp4' });
    socket.on('message', (octets) => {
      const { type: kind, answers, additionals } = dnsPacket.decode(octets);
      if (kind === 'response') records.push(...[...answers, ...additionals].filter(({ ttl }) => ttl !== 0));
    });
    socket.addMembership(GROUP);
    const ask = async (questions: readonly { name: string; type: string }[]) => {
      const octets = dnsPacket.encode({ type: 'query', questions });
      socket.send(octets, 0, octets.length, MDNS_PORT, GROUP, () => {});
      await sleep(this.#clock, LISTEN_MS);
    };
    const has = (name: string, wanted: string) => records.find((record) => record.name === name && record.type === wanted)?.data;
    await ask([{ name: domain, type: 'PTR' }]);
    const instances = new Set(records.filter(({ name, type: kind }) => name === domain && kind === 'PTR').map(({ data }) => String(data)));
    for (const name of instances) {
      await ask([
        { name, type: 'SRV' },
        { name, type: 'TXT' },
      ]);
    }
    const hosts = [...instances].flatMap((name) => (has(name, 'SRV') as { target: string } | undefined)?.target ?? []);
    for (const name of hosts) if (has(name, 'A') === undefined) await ask([{ name, type: 'A' }]);
    network.end();
    return [...instances].flatMap((instance) => {
      const srv = has(instance, 'SRV') as { target: string; port: number } | undefined;
      const address = srv && has(srv.target, 'A');
      const txt = has(instance, 'TXT');
      if (srv === undefined || typeof address !== 'string' || !Array.isArray(txt)) return [];
      const name = instance.slice(0, -domain.length - 1);
      return [{ name, host: srv.target, address, port: srv.port, txt: Object.fromEntries(txt.map(readPair)) }];
    });
  }
}

/** `key=value` of a TXT record. */
function readPair(item: unknown): [string, string] {
  const [key = '', ...value] = String(item).split('=');
  return [key, value.join('=')];
}
