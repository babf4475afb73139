import type { RequestListener } from 'node:http';
import { type Clock, CpnsError, type EntityId, type Entropy, formatHostPort, type Logger } from '@cpns/shared';
import { type HostNetwork, InterfaceWatch } from '@cpns/shared/node';
import type { Announcement, PanEvents, PanTechnology } from '../../entity/pan-technology.js';
import { writeIntroduction } from './announcement.js';
import { dial } from './dial.js';
import { askIntroduction } from './introduction.js';
import { ManualPeers } from './manual-peers.js';
import { MdnsDiscovery } from './mdns-discovery.js';
import { isPeerAddress } from './peer-address.js';
import { Sightings } from './sightings.js';
import { LINK_PATH, type WebSocketLink } from './websocket-link.js';
import { WebSocketListener } from './websocket-listener.js';

export interface LanOptions {
  readonly id: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Names of network interfaces to use; empty or absent: all but loopback, loopback alone when there is nothing else. */
  readonly interfaces?: readonly string[];
  /** TCP port for links; 0, the default, takes a free one and announces it. */
  readonly port?: number;
  /** Devices to visit by address, `HOST:PORT`, where multicast does not reach them. */
  readonly peers?: readonly string[];
  /** Links at once. Default: 16. */
  readonly maxLinks?: number;
  /** Default: 4. */
  readonly handshakesPerSecondPerAddress?: number;
  /** Default: 16. */
  readonly handshakeBurstPerAddress?: number;
  /** Devices near that are remembered. Default: 256. */
  readonly maxNames?: number;
  /** A device that is not heard of for so long is lost. Default: 25,000 ms. */
  readonly maxAgeMs?: number;
  /** Octets that may wait for a peer that reads slowly. Default: 4 MiB. */
  readonly maxQueuedOctets?: number;
  /** UDP port of mDNS. Default: 5353. */
  readonly mdnsPort?: number;
  /** Answers requests for pages at the same port. Default: 404. */
  readonly page?: RequestListener;
  readonly network?: HostNetwork;
}

/** Room for connections that ask for pages or have not asked for anything yet. */
const SPARE_CONNECTIONS = 32;

type Concern = 'interfaces' | 'mdns' | 'listener';

/** The local network as a PAN technology: mDNS to find each other, WebSockets to talk (protocol 0.22). */
export class LanTechnology implements PanTechnology {
  readonly type = 'lan';
  readonly #options: LanOptions;
  readonly #watch: InterfaceWatch;
  readonly #links = new Set<WebSocketLink>();
  readonly #concerns = new Map<Concern, string>();
  #announcement: Announcement = { mode: 0, pairing: false };
  #running: Running | undefined;
  #dialling = 0;
  #stopped = false;
  #whenDrained: (() => void) | undefined;

  constructor(options: LanOptions) {
    this.#options = options;
    const { clock, interfaces = [], network } = options;
    this.#watch = new InterfaceWatch({ clock, interfaces: interfaces.length > 0 ? interfaces : undefined, ...(network && { network }) });
  }

  /** @throws CpnsError Config/PortTaken, Config/PortForbidden, Config/BadAddress, Transport/CannotListen */
  async start(events: PanEvents): Promise<void> {
    await this.#watch.start();
    const sightings = new Sightings({ sighted: (sighting) => events.sighted(sighting), lost: (id) => events.lost(id, 'lan') });
    const running: Running = {
      events,
      listener: this.#makeListener(events),
      discovery: this.#makeDiscovery(events, sightings),
      manual: new ManualPeers({
        clock: this.#options.clock,
        logger: this.#options.logger,
        addresses: this.#options.peers ?? [],
        sighted: (sighting) => sighting.id !== this.#options.id && sightings.add('by-hand', sighting),
        lost: (id) => sightings.remove('by-hand', id),
      }),
    };
    try {
      await running.listener.start();
    } catch (error) {
      this.#watch.stop();
      await running.listener.stop();
      throw error;
    }
    if (this.#stopped) return running.listener.stop();
    this.#running = running;
    const reportInterfaces = () => this.#concern(events, 'interfaces', this.#watch.problem);
    this.#watch.onChange(reportInterfaces);
    reportInterfaces();
    this.#publish();
    running.discovery.start();
    running.manual.refresh();
  }

  announce(announcement: Announcement): void {
    this.#announcement = announcement;
    this.#publish();
  }

  canDial(address: string): boolean {
    return isPeerAddress(address);
  }

  /** Anybody may call on a local network; the listener has limits of its own. */
  proven(): void {}

  async dial(addresses: readonly string[], signal: AbortSignal): Promise<WebSocketLink> {
    const { clock, maxQueuedOctets = 4_194_304, maxLinks = 16 } = this.#options;
    const dialled = [...this.#links].filter((link) => link.initiated).length + this.#dialling;
    if (dialled >= maxLinks) {
      throw new CpnsError('State', 'TooManyLinks', `This device already has ${maxLinks} links, as many as limits.links allows.`);
    }
    this.#dialling++;
    try {
      const link = await dial(addresses, signal, { clock, maxQueuedOctets, ended: (gone) => this.#forget(gone) });
      this.#links.add(link);
      return link;
    } finally {
      this.#dialling--;
    }
  }

  addresses(): readonly string[] {
    const port = this.#running?.listener.port ?? 0;
    if (port === 0) return [];
    // Without the addresses that mean something on one interface only: whoever reads this is elsewhere.
    const all = this.#watch.current.flatMap((network) => network.addresses).filter((a) => a.scope === 0);
    return [...all].sort((a, b) => a.family - b.family).map((a) => formatHostPort(a.address, port));
  }

  refresh(): void {
    this.#running?.discovery.refresh();
    this.#running?.manual.refresh();
  }

  /**
   * Who is at an address, unproven. It is visited from now on, until the end.
   * @throws CpnsError Config/BadAddress, Transport/PeerUnreachable, Transport/NotCpns, Timeout/DeadlinePassed, or the reason of `signal`
   */
  async visit(address: string, signal: AbortSignal): Promise<EntityId> {
    const { id } = await askIntroduction(address, this.#options.clock, signal);
    this.addPeer(address);
    return id;
  }

  /** Visits a device by address from now on, until the end. @throws CpnsError Config/BadAddress */
  addPeer(address: string): void {
    this.#running?.manual.add(address);
    this.#running?.manual.refresh();
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    this.#stopped = true;
    this.#watch.stop();
    if (running === undefined) return;
    running.manual.stop();
    for (const link of this.#links) link.close('this device stops');
    await Promise.all([running.discovery.stop(), running.listener.stop(), this.#drained()]);
  }

  #forget(link: WebSocketLink): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.#whenDrained?.();
  }

  /** Every link is gone; each sees to that in time by itself. */
  #drained(): Promise<void> {
    if (this.#links.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
  }

  #makeListener(events: PanEvents): WebSocketListener {
    const { clock, logger, port = 0, maxLinks = 16, maxQueuedOctets = 4_194_304 } = this.#options;
    return new WebSocketListener({
      clock,
      logger,
      watch: this.#watch,
      port,
      handshakesPerSecondPerAddress: this.#options.handshakesPerSecondPerAddress ?? 4,
      handshakeBurstPerAddress: this.#options.handshakeBurstPerAddress ?? 16,
      maxQueuedOctets,
      maxConnections: maxLinks + SPARE_CONNECTIONS,
      hasRoom: () => this.#links.size < maxLinks,
      accepted: (link) => {
        this.#links.add(link);
        events.accepted(link);
      },
      ended: (link) => this.#forget(link),
      page: (request, response) => this.#answer(request, response),
      listening: () => this.#publish(),
      problem: (sentence) => this.#concern(events, 'listener', sentence),
    });
  }

  #makeDiscovery(events: PanEvents, sightings: Sightings): MdnsDiscovery {
    const { id, clock, entropy, logger, maxNames = 256, maxAgeMs = 25_000, mdnsPort = 5353 } = this.#options;
    return new MdnsDiscovery({
      id,
      clock,
      entropy,
      logger,
      watch: this.#watch,
      maxNames,
      maxAgeMs,
      port: mdnsPort,
      sighted: (sighting) => sightings.add('mdns', sighting),
      lost: (other) => sightings.remove('mdns', other),
      trouble: (sentence) => this.#concern(events, 'mdns', sentence),
    });
  }

  #publish(): void {
    const port = this.#running?.listener.port ?? 0;
    if (port !== 0) this.#running?.discovery.announce(port, this.#announcement);
  }

  /** Says who this is to whoever asks by address, as mDNS does to everybody near; the rest are pages. */
  #answer(...[request, response]: Parameters<RequestListener>): void {
    if (request.url === LINK_PATH && request.method === 'GET') {
      response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
      response.end(writeIntroduction(this.#options.id, this.#announcement));
    } else if (this.#options.page !== undefined) this.#options.page(request, response);
    else response.writeHead(404, { Connection: 'close' }).end();
  }

  /** Tells the first of what is wrong, or that nothing is any more. */
  #concern(events: PanEvents, concern: Concern, sentence: string | undefined): void {
    const [before] = this.#concerns.values();
    if (sentence === undefined) this.#concerns.delete(concern);
    else this.#concerns.set(concern, sentence);
    const [now] = this.#concerns.values();
    if (now !== before) events.problem(now);
  }
}

interface Running {
  readonly events: PanEvents;
  readonly listener: WebSocketListener;
  readonly discovery: MdnsDiscovery;
  readonly manual: ManualPeers;
}
