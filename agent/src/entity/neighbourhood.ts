import {
  abortReason,
  type Clock,
  CpnsError,
  deadline,
  describeError,
  type EntityId,
  type Entropy,
  type Link,
  type LinkType,
  type Logger,
  retrySchedule,
  toCpnsError,
} from '@cpns/shared';
import { isBetter } from './pan-preference.js';
import type { PanEvents, PanTechnology, Sighting } from './pan-technology.js';

/** The lower entity id dials; the other one dials when there is no link after this time (protocol 0.22). */
const HIGHER_ID_WAITS_MS = 3_000;
/** Where a device is seen in a better way, too, that one is tried first for so long. */
const BETTER_FIRST_MS = 2_000;
const DIAL_TIMEOUT_MS = 10_000;
/** A Bluetooth radio connects to one device after the other, and may need three attempts. */
const BLE_DIAL_TIMEOUT_MS = 20_000;
/** A link that breaks as soon as it stands is set up anew at most once in so long (security 1.6). */
const DIAL_EVERY_MS = 1_000;

export interface NeighbourhoodHandler {
  /** A link was opened, by us towards `expected` or by somebody. True: it was `expected`, and has proven it. */
  linked(link: Link, expected: EntityId | undefined): Promise<boolean>;
  /** Sightings changed. */
  changed(id: EntityId, sighting: Sighting | undefined): void;
}

export interface NeighbourhoodOptions {
  readonly self: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly technologies: readonly PanTechnology[];
  readonly handler: NeighbourhoodHandler;
  /** Devices near that are remembered; whoever invents more of them is not listened to. */
  readonly maxSighted: number;
  /** This device is always remembered: inventing others must not hide it. */
  isPaired(id: EntityId): boolean;
  /** Is a link to this device over that technology wanted, and not there yet? */
  wanted(id: EntityId, technology: LinkType): boolean;
  /** This side need not wait for the other one to dial. */
  dialsFirst(id: EntityId, technology: LinkType): boolean;
  /** There is a link to that device, over whatever technology. */
  isLinked(id: EntityId): boolean;
}

/** A device over one technology. */
type Way = `${LinkType} ${EntityId}`;

/** Who is near, over all PAN technologies, and the dialling of those who are wanted. */
export class Neighbourhood {
  readonly #options: NeighbourhoodOptions;
  readonly #sightings = new Map<EntityId, Map<LinkType, Sighting>>();
  readonly #dialling = new Map<Way, () => void>();
  readonly #dialledAtMs = new Map<Way, number>();
  readonly #problems = new Map<LinkType, string>();
  readonly #stopping = new AbortController();

  constructor(options: NeighbourhoodOptions) {
    this.#options = options;
  }

  /**
   * Starts every technology; one that cannot start is reported as a problem and left out.
   * @throws CpnsError Config when the settings of one are wrong; else why the first one cannot, when none can: nobody could be reached
   */
  async start(): Promise<void> {
    const failures: CpnsError[] = [];
    await Promise.all(
      this.#options.technologies.map(async (technology) => {
        try {
          await technology.start(this.#events(technology));
        } catch (error) {
          failures.push(toCpnsError(error));
          this.#problems.set(technology.type, toCpnsError(error).message);
          this.#options.logger.warn('a PAN technology could not start', { technology: technology.type, why: describeError(error) });
        }
      }),
    );
    const misconfigured = failures.find((failure) => failure.family === 'Config');
    if (misconfigured !== undefined) throw misconfigured;
    if (failures[0] !== undefined && failures.length === this.#options.technologies.length) throw failures[0];
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new CpnsError('State', 'Stopping', 'The agent is stopping.'));
    for (const cancel of this.#dialling.values()) cancel();
    this.#dialling.clear();
    await Promise.all(this.#options.technologies.map((technology) => technology.stop()));
  }

  get technologies(): readonly PanTechnology[] {
    return this.#options.technologies;
  }
  problemOf(technology: LinkType): string | undefined {
    return this.#problems.get(technology);
  }
  /** Everything near, each with one sighting per technology. */
  get sightings(): ReadonlyMap<EntityId, ReadonlyMap<LinkType, Sighting>> {
    return this.#sightings;
  }

  /** A link broke: look and dial again. */
  refresh(): void {
    for (const technology of this.#options.technologies) technology.refresh();
    this.dialWanted();
  }

  /** A link is in doubt, or the own role is another one: somebody else may be wanted. */
  dialWanted(): void {
    for (const id of this.#sightings.keys()) this.#dialWhenDue(id);
  }

  /** One try to reach somebody, over the best technology that finds him. @throws CpnsError Transport, Timeout */
  async reach(id: EntityId, signal: AbortSignal): Promise<Link> {
    const known = [...(this.#sightings.get(id)?.keys() ?? [])];
    let last: unknown = notNear(id);
    for (const technology of known.sort((a, b) => Number(isBetter(b, a)) - Number(isBetter(a, b)))) {
      try {
        return await this.#reachOver(id, technology, signal);
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  async #reachOver(id: EntityId, type: LinkType, signal: AbortSignal): Promise<Link> {
    const sighting = this.#sightings.get(id)?.get(type);
    const technology = this.#options.technologies.find((candidate) => candidate.type === type);
    if (sighting === undefined || technology === undefined) throw notNear(id);
    return await this.dial(technology, sighting.addresses, signal);
  }

  /** @throws CpnsError Transport, Timeout */
  async dial(technology: PanTechnology, addresses: readonly string[], signal: AbortSignal): Promise<Link> {
    const limit = deadline(
      this.#options.clock,
      technology.type === 'ble' ? BLE_DIAL_TIMEOUT_MS : DIAL_TIMEOUT_MS,
      signal,
      'The other device did not answer: check that it is on and near, or in the same network.',
    );
    try {
      return await technology.dial(addresses, limit.signal);
    } finally {
      limit.done();
    }
  }

  #events(technology: PanTechnology): PanEvents {
    return {
      sighted: (sighting) => {
        if (sighting.id === this.#options.self || !this.#hasRoomFor(sighting.id)) return;
        const known = this.#sightings.get(sighting.id) ?? new Map<LinkType, Sighting>();
        known.set(technology.type, sighting);
        this.#sightings.set(sighting.id, known);
        this.#options.handler.changed(sighting.id, sighting);
        this.#dialWhenDue(sighting.id);
      },
      lost: (id) => {
        const known = this.#sightings.get(id);
        known?.delete(technology.type);
        if (known !== undefined && known.size > 0) return;
        this.#sightings.delete(id);
        this.#options.handler.changed(id, undefined);
      },
      accepted: (link) => void this.#options.handler.linked(link, undefined),
      problem: (sentence) => {
        if (sentence === undefined) this.#problems.delete(technology.type);
        else this.#problems.set(technology.type, sentence);
      },
    };
  }

  #hasRoomFor(id: EntityId): boolean {
    return this.#sightings.has(id) || this.#sightings.size < this.#options.maxSighted || this.#options.isPaired(id);
  }

  /** Dials where a link is wanted; a call too many does no harm. */
  #dialWhenDue(id: EntityId): void {
    for (const technology of this.#sightings.get(id)?.keys() ?? []) this.#dialOver(id, technology);
  }

  #dialOver(id: EntityId, technology: LinkType): void {
    const { clock, wanted, entropy } = this.#options;
    const way: Way = `${technology} ${id}`;
    if (this.#dialling.has(way) || this.#stopping.signal.aborted || !wanted(id, technology)) return;
    const sinceMs = clock.monotonicMs() - (this.#dialledAtMs.get(way) ?? Number.NEGATIVE_INFINITY);
    const pauseMs = Math.max(DIAL_EVERY_MS - sinceMs, this.#courtesyMs(id, technology));
    this.#dialAfter(pauseMs, id, technology, retrySchedule(entropy, { firstMs: 1_000, maxMs: 30_000 }));
  }

  /** How long somebody or something else may come first. */
  #courtesyMs(id: EntityId, technology: LinkType): number {
    const { dialsFirst, isLinked } = this.#options;
    const higherMs = dialsFirst(id, technology) ? 0 : HIGHER_ID_WAITS_MS;
    if (isLinked(id)) return higherMs;
    const seenBetter = [...(this.#sightings.get(id)?.keys() ?? [])].some((other) => isBetter(other, technology));
    return seenBetter ? Math.max(higherMs, BETTER_FIRST_MS) : higherMs;
  }

  /** Dials until there is a proven link, the device is gone, or nobody wants it any more. */
  #dialAfter(pauseMs: number, id: EntityId, technology: LinkType, delays: Iterator<number, never>): void {
    const { clock, wanted } = this.#options;
    const way: Way = `${technology} ${id}`;
    const due = async () => {
      if (!wanted(id, technology) || !this.#sightings.get(id)?.has(technology)) return void this.#dialling.delete(way);
      this.#dialledAtMs.set(way, clock.monotonicMs());
      const linked = await this.#tryToLink(id, technology);
      if (linked || this.#stopping.signal.aborted) return void this.#dialling.delete(way);
      this.#dialAfter(500 + delays.next().value, id, technology, delays);
    };
    this.#dialling.set(
      way,
      clock.after(pauseMs, () => void due()),
    );
  }

  async #tryToLink(id: EntityId, technology: LinkType): Promise<boolean> {
    const { signal } = this.#stopping;
    try {
      const link = await this.#reachOver(id, technology, signal);
      if (!signal.aborted) return await this.#options.handler.linked(link, id);
      link.close(abortReason(signal).message);
    } catch (error) {
      this.#options.logger.debug('could not reach a device', { peer: id, technology, why: describeError(error) });
    }
    return false;
  }
}

function notNear(id: EntityId): CpnsError {
  return new CpnsError('Transport', 'NotNear', `${id} is not near: check that it is on, and near or in the same network.`);
}
