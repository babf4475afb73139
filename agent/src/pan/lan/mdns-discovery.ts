import { type Clock, type EntityId, type Entropy, isEntityId, type Logger } from '@cpns/shared';
import { type InterfaceWatch, MdnsService, type ServiceSighting } from '@cpns/shared/node';
import type { Announcement, Sighting } from '../../entity/pan-technology.js';
import { readAnnouncement, writeAnnouncement } from './announcement.js';

/** Service type of agents: `_cpns._tcp`. */
const AGENT_SERVICE = 'cpns';

export interface MdnsDiscoveryOptions {
  readonly id: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly watch: InterfaceWatch;
  /** Devices remembered at once. */
  readonly maxNames: number;
  /** A device that is not heard of for so long is lost. */
  readonly maxAgeMs: number;
  /** UDP port of mDNS. */
  readonly port: number;
  readonly sighted: (sighting: Sighting) => void;
  readonly lost: (id: EntityId) => void;
  readonly trouble: (sentence: string | undefined) => void;
}

/** Finds agents on the local network and announces this one. The instance name is the entity id: unique without probing. */
export class MdnsDiscovery {
  readonly #options: MdnsDiscoveryOptions;
  readonly #service: MdnsService;
  /** Those that were reported. */
  readonly #reported = new Set<string>();

  constructor(options: MdnsDiscoveryOptions) {
    this.#options = options;
    const { clock, entropy, logger, watch, maxNames, maxAgeMs, port, trouble } = options;
    this.#service = new MdnsService(
      {
        clock,
        entropy,
        logger,
        watch,
        maxNames,
        maxAgeMs,
        port,
        type: AGENT_SERVICE,
        accepts: (name) => isEntityId(name) && name !== options.id,
      },
      { found: (sighting) => this.#found(sighting), lost: (name) => this.#lost(name), trouble },
    );
  }

  start(): void {
    this.#service.start();
  }

  /** Announces that this device accepts links at TCP `port`. */
  announce(port: number, announcement: Announcement): void {
    this.#service.publish({ name: this.#options.id, port, txt: writeAnnouncement(announcement) });
  }

  refresh(): void {
    this.#service.refresh();
  }

  stop(): Promise<void> {
    return this.#service.stop();
  }

  #found(service: ServiceSighting): void {
    const announcement = readAnnouncement(service.txt);
    if (announcement === undefined || !isEntityId(service.name)) return this.#lost(service.name);
    this.#reported.add(service.name);
    this.#options.sighted({ id: service.name, technology: 'lan', addresses: service.endpoints, ...announcement });
  }

  #lost(name: string): void {
    if (this.#reported.delete(name) && isEntityId(name)) this.#options.lost(name);
  }
}
