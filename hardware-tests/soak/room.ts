import type { Announcement, PanEvents, PanTechnology } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type Link } from '@cpns/shared';
import { RoomLink } from './room-link.js';

/** Everything in the room is noticed after so long. */
const NOTICE_MS = 1;

interface Station {
  readonly events: PanEvents;
  announcement: Announcement;
}

/** A place in which a few devices are near one another, with links in memory. */
export class Room {
  readonly #clock: Clock;
  readonly #stations = new Map<EntityId, Station>();
  /** Each ends one open link. */
  readonly #cuts = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A PAN technology for one device. */
  technology(id: EntityId): PanTechnology {
    let announcement: Announcement = { mode: 0, pairing: false };
    let own: Station | undefined;
    return {
      type: 'sim',
      start: async (events) => {
        own = { events, announcement };
        this.#stations.set(id, own);
        this.#show(id, own);
        for (const [other, station] of this.#stations) if (other !== id) this.#show(other, station);
      },
      announce: (news) => {
        announcement = news;
        if (own === undefined) return;
        own.announcement = news;
        this.#show(id, own);
      },
      canDial: () => true,
      proven: () => {},
      dial: async ([to]) => this.#dial(to as EntityId),
      addresses: () => [id],
      refresh: () => {},
      stop: async () => {
        if (own !== undefined && this.#stations.get(id) === own) this.#leave(id);
        own = undefined;
      },
    };
  }

  /** Ends every link in the room; both ends notice at once. */
  cutLinks(): void {
    for (const cut of [...this.#cuts]) cut();
  }

  /** The device goes without a word. */
  vanish(id: EntityId): void {
    this.cutLinks();
    this.#leave(id);
  }

  #leave(id: EntityId): void {
    this.#stations.delete(id);
    for (const { events } of this.#stations.values()) this.#later(() => events.lost(id, 'sim'));
  }

  /** To all others. */
  #show(id: EntityId, station: Station): void {
    for (const [other, { events }] of this.#stations) {
      if (other === id) continue;
      this.#later(() => events.sighted({ ...station.announcement, id, technology: 'sim', addresses: [id] }));
    }
  }

  #dial(to: EntityId): Link {
    const callee = this.#stations.get(to);
    if (callee === undefined) throw new CpnsError('Transport', 'NotNear', `${to} is not in the room.`);
    const cut = () => initiator.break();
    const { initiator, responder } = RoomLink.pair(() => this.#cuts.delete(cut));
    this.#cuts.add(cut);
    this.#later(() => callee.events.accepted(responder));
    return initiator;
  }

  #later(action: () => void): void {
    this.#clock.after(NOTICE_MS, action);
  }
}
