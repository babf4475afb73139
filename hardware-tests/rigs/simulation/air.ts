import type { Announcement, PanEvents, PanTechnology } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type Link } from '@cpns/shared';
import { type MemoryLinkOptions, memoryLinkPair, SeededChoices } from '@cpns/shared/testing';

interface Station {
  readonly technology: PanTechnology;
  announcement: Announcement;
  events: PanEvents | undefined;
}

/** One room in which simulated devices notice one another and open memory links. */
export class SimulatedAir {
  readonly #clock: Clock;
  readonly #options: Partial<MemoryLinkOptions>;
  readonly #stations = new Map<EntityId, Station>();
  readonly #links: ReturnType<typeof memoryLinkPair>[] = [];
  readonly #choices = new SeededChoices(1);

  constructor(clock: Clock, options: Partial<MemoryLinkOptions> = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  /** A PAN technology for one device; it is in the room from `start` to `stop`. */
  technology(id: EntityId): PanTechnology {
    const station: Station = { announcement: { mode: 0, pairing: false }, events: undefined, technology: undefined as never };
    const technology: PanTechnology = {
      type: 'sim',
      start: async (events) => {
        station.events = events;
        this.#stations.set(id, station);
        for (const [other, { announcement, events: theirs }] of this.#stations) {
          if (other === id) continue;
          this.#later(() => events.sighted({ ...announcement, id: other, technology: 'sim', addresses: [other] }));
          this.#later(() => theirs?.sighted({ ...station.announcement, id, technology: 'sim', addresses: [id] }));
        }
      },
      announce: (announcement) => {
        station.announcement = announcement;
        if (station.events === undefined) return;
        for (const [other, { events }] of this.#stations) {
          if (other !== id) this.#later(() => events?.sighted({ ...announcement, id, technology: 'sim', addresses: [id] }));
        }
      },
      dial: async (addresses) => this.#dial(addresses[0] as EntityId),
      addresses: () => [id],
      refresh: () => {},
      stop: async () => {
        station.events = undefined;
        this.#stations.delete(id);
        for (const { events } of this.#stations.values()) this.#later(() => events?.lost(id, 'sim'));
      },
    };
    Object.assign(station, { technology });
    return technology;
  }

  /** Every link that was ever opened. */
  get links(): readonly ReturnType<typeof memoryLinkPair>[] {
    return this.#links;
  }

  #dial(to: EntityId): Link {
    const events = this.#stations.get(to)?.events;
    if (events === undefined) throw new CpnsError('Transport', 'NotNear', `${to} is not in the room.`);
    const pair = memoryLinkPair({ clock: this.#clock, choices: this.#choices, ...this.#options });
    this.#links.push(pair);
    this.#later(() => events.accepted(pair.responder));
    return pair.initiator;
  }

  #later(action: () => void): void {
    this.#clock.after(1, action);
  }
}
