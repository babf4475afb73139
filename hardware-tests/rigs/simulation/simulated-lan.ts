import { type AddressedTechnology, type Announcement, MdnsDiscovery, type PanEvents } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type Entropy, isHostPort, type Link, type Logger, parseHostPort, sleep } from '@cpns/shared';
import { InterfaceWatch } from '@cpns/shared/node';
import type { SimulatedAir, SimulatedTechnology } from './air.js';
import type { MulticastHost, SimulatedNetwork } from './multicast.js';

const MAX_NAMES = 256;
const MAX_AGE_MS = 25_000;
const MDNS_PORT = 5353;
/** Devices named by address are visited so often. */
const VISIT_EVERY_MS = 10_000;
/** From asking who is at an address to the answer. */
const VISIT_MS = 2;

export interface SimulatedLanOptions {
  readonly id: EntityId;
  /** `HOST:PORT` of this device. */
  readonly address: string;
  readonly host: MulticastHost;
  readonly network: SimulatedNetwork;
  readonly air: SimulatedAir;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Devices to visit by address. */
  readonly peers: readonly string[];
}

/** The local network of a simulated device: found by the DNS-SD of real agents over simulated multicast, reached by memory links. */
export class SimulatedLan implements AddressedTechnology {
  readonly type = 'sim';
  readonly #options: SimulatedLanOptions;
  readonly #air: SimulatedTechnology;
  readonly #watch: InterfaceWatch;
  readonly #peers: Set<string>;
  #discovery: MdnsDiscovery | undefined;
  #events: PanEvents | undefined;
  #announcement: Announcement = { mode: 0, pairing: false };
  #cancelVisits = () => {};

  constructor(options: SimulatedLanOptions) {
    const { id, address, host, network, air, clock, peers } = options;
    this.#options = options;
    this.#air = air.technology(id, undefined, { address, room: host.room, cable: host.cable });
    this.#watch = new InterfaceWatch({ clock, network });
    this.#peers = new Set(peers);
  }

  async start(events: PanEvents): Promise<void> {
    const { id, clock, entropy, logger } = this.#options;
    this.#events = events;
    await this.#watch.start();
    // The air only carries links here.
    await this.#air.start({ accepted: (link) => events.accepted(link), sighted: () => {}, lost: () => {}, problem: () => {} });
    this.#discovery = new MdnsDiscovery({
      id,
      clock,
      entropy,
      logger,
      watch: this.#watch,
      maxNames: MAX_NAMES,
      maxAgeMs: MAX_AGE_MS,
      port: MDNS_PORT,
      sighted: (sighting) => events.sighted({ ...sighting, technology: this.type }),
      lost: (other) => events.lost(other, this.type),
      trouble: (sentence) => events.problem(sentence),
    });
    this.#publish();
    this.#discovery.start();
    this.#visitAll();
  }

  announce(announcement: Announcement): void {
    this.#announcement = announcement;
    this.#air.announce(announcement);
    this.#publish();
  }

  canDial(address: string): boolean {
    return isHostPort(address);
  }

  proven(): void {}

  dial(addresses: readonly string[], signal: AbortSignal): Promise<Link> {
    return this.#air.dial(addresses, signal);
  }

  addresses(): readonly string[] {
    return this.#air.addresses();
  }

  refresh(): void {
    this.#discovery?.refresh();
    this.#visitAll();
  }

  /** @throws CpnsError Transport/PeerUnreachable */
  async visit(address: string, signal: AbortSignal): Promise<EntityId> {
    await sleep(this.#options.clock, VISIT_MS, signal);
    const found = this.#air.introduction(address);
    if (found === undefined) throw new CpnsError('Transport', 'PeerUnreachable', `Nobody answers at ${address}.`);
    this.addPeer(address);
    return found.id;
  }

  addPeer(address: string): void {
    this.#peers.add(address);
    this.#look(address);
  }

  async stop(): Promise<void> {
    this.#events = undefined;
    this.#cancelVisits();
    this.#watch.stop();
    await Promise.all([this.#discovery?.stop(), this.#air.stop()]);
  }

  /** Ends without a word. */
  die(): void {
    this.#options.network.end();
    this.#options.air.vanish(this.#options.id);
    void this.stop();
  }

  #publish(): void {
    this.#discovery?.announce(parseHostPort(this.#options.address).port, this.#announcement);
  }

  #visitAll(): void {
    this.#cancelVisits();
    for (const address of this.#peers) this.#look(address);
    this.#cancelVisits = this.#options.clock.after(VISIT_EVERY_MS, () => this.#visitAll());
  }

  #look(address: string): void {
    this.#options.clock.after(VISIT_MS, () => {
      const found = this.#air.introduction(address);
      if (found === undefined || found.id === this.#options.id) return;
      this.#events?.sighted({ ...found, technology: this.type, addresses: [address] });
    });
  }
}
