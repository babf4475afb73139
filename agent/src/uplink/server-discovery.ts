import { type Clock, CpnsError, type Entropy, formatHostPort, type HostPort, type Logger, type ServerId, sleep } from '@cpns/shared';
import { type HostNetwork, InterfaceWatch, MdnsService } from '@cpns/shared/node';
import { parsePeerAddress } from '../pan/lan/peer-address.js';
import { serversOfDomain } from './dns-srv.js';
import type { ServerResolver } from './mqtt-uplink.js';

export interface ServerDiscoveryOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** ID_S of the enrolment: other servers' announcements are passed over. */
  readonly serverId: ServerId;
  /** `HOST:PORT` of the enrolment code. */
  readonly enrolled?: string | undefined;
  /** `HOST:PORT` of the configuration. */
  readonly configured?: string | undefined;
  /** Domain to ask for `_cpns._tcp`. */
  readonly domain?: string | undefined;
  /** Network interfaces to look on; empty or absent: all but loopback. */
  readonly interfaces?: readonly string[];
  readonly nameServers?: readonly string[];
  /** UDP port of mDNS. Default: 5353. */
  readonly mdnsPort?: number;
  readonly network?: HostNetwork;
}

/** Service type of servers: `_cpns-server._tcp`. */
const SERVER_SERVICE = 'cpns-server';
const INSTANCE = /^[a-z0-9-]{1,63}$/;
/** How long the network is listened to when no address is known otherwise. */
const FIRST_LOOK_MS = 3_000;
/** More calls within this time than one to connect and one to probe mean that what was known did not help. */
const AGAIN_MS = 60_000;
const FIRST_CALLS = 2;
/** Looking around ends so long after nobody has asked. */
const LOOK_MS = 60_000;
const MOST_FOUND = 4;

/**
 * Where the CPNS Server may be (protocol 0.11): the enrolment, the configuration, the DNS, the local network, in this order. Nothing
 * found is believed: the server proves itself by the EUKey. The network is looked at only while the fixed addresses do not help, so
 * that a server which has moved is found again.
 */
export class ServerDiscovery {
  readonly #options: ServerDiscoveryOptions;
  readonly #fixed: readonly HostPort[];
  readonly #nearby = new Map<string, readonly HostPort[]>();
  readonly #waiting = new Set<() => void>();
  #calls: readonly number[] = [];
  #look: { readonly watch: InterfaceWatch; readonly service: MdnsService } | undefined;
  #cancelEnd: (() => void) | undefined;

  /** @throws CpnsError Config/BadAddress */
  constructor(options: ServerDiscoveryOptions) {
    this.#options = options;
    this.#fixed = [options.enrolled, options.configured].flatMap((text) => (text === undefined ? [] : [parsePeerAddress(text)]));
  }

  /** All addresses that are known now, best first. @throws CpnsError Config/NoServer, or the abort reason of `signal` */
  readonly resolve: ServerResolver = async (signal) => {
    const nowMs = this.#options.clock.monotonicMs();
    this.#calls = [...this.#calls.filter((atMs) => nowMs - atMs < AGAIN_MS), nowMs].slice(-FIRST_CALLS - 1);
    const looking = this.#fixed.length === 0 || this.#calls.length > FIRST_CALLS;
    if (looking) await this.#lookAround();
    const { domain, entropy, logger, nameServers } = this.#options;
    const fromDns = looking && domain !== undefined ? await serversOfDomain(domain, signal, { entropy, logger, servers: nameServers }) : [];
    if (this.#fixed.length === 0 && fromDns.length === 0) await this.#firstNearby(signal);
    const found = unique([...this.#fixed, ...fromDns, ...[...this.#nearby.values()].flat().slice(0, MOST_FOUND)]);
    if (found.length > 0) return found;
    throw new CpnsError(
      'Config',
      'NoServer',
      'No CPNS Server was found: set server.address (HOST:PORT) in the configuration, or bring this device into the network of the server.',
      { retryable: true },
    );
  };

  async stop(): Promise<void> {
    this.#cancelEnd?.();
    const look = this.#look;
    this.#look = undefined;
    this.#nearby.clear();
    look?.watch.stop();
    await look?.service.stop();
  }

  /** Begins to look on the local network, or goes on for longer. */
  async #lookAround(): Promise<void> {
    this.#cancelEnd?.();
    this.#cancelEnd = this.#options.clock.after(LOOK_MS, () => void this.stop());
    if (this.#look !== undefined) return;
    const { clock, entropy, logger, mdnsPort, interfaces = [], network } = this.#options;
    const watch = new InterfaceWatch({ clock, interfaces: interfaces.length > 0 ? interfaces : undefined, ...(network && { network }) });
    const service = new MdnsService(
      {
        clock,
        entropy,
        logger,
        watch,
        type: SERVER_SERVICE,
        accepts: (name) => INSTANCE.test(name),
        maxNames: 32,
        ...(mdnsPort !== undefined && { port: mdnsPort }),
      },
      {
        found: ({ name, txt, endpoints }) => {
          if (txt.get('v') !== '1' || txt.get('id') !== this.#options.serverId) this.#nearby.delete(name);
          else this.#nearby.set(name, endpoints.map(parsePeerAddress));
          if (this.#nearby.size > 0) for (const wake of this.#waiting) wake();
        },
        lost: (name) => this.#nearby.delete(name),
      },
    );
    this.#look = { watch, service };
    await watch.start();
    if (this.#look?.service === service) service.start();
  }

  /** Resolves when a server is known on the local network, or after a while. @throws the abort reason of `signal` */
  async #firstNearby(signal: AbortSignal): Promise<void> {
    if (this.#nearby.size > 0) return;
    let wake = () => {};
    const found = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const timer = new AbortController();
    this.#waiting.add(wake);
    try {
      const limit = AbortSignal.any([signal, timer.signal]);
      await Promise.race([found, sleep(this.#options.clock, FIRST_LOOK_MS, limit).catch(() => {})]);
      signal.throwIfAborted();
    } finally {
      this.#waiting.delete(wake);
      timer.abort();
    }
  }
}

function unique(addresses: readonly HostPort[]): HostPort[] {
  return [...new Map(addresses.map((a) => [formatHostPort(a.host, a.port), a])).values()];
}
