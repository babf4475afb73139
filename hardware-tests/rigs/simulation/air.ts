import type { Announcement, PanEvents, PanTechnology } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type Link } from '@cpns/shared';
import { type MemoryLinkOptions, type MemoryLinkPair, memoryLinkPair, SeededChoices } from '@cpns/shared/testing';
import { Deeds } from './deeds.js';

interface Station {
  announcement: Announcement;
  events: PanEvents | undefined;
  /** Its power is off: nothing leaves and nothing arrives, and nobody is told. */
  dead: boolean;
  readonly deeds: Deeds;
}

/** A link that was opened in the room, and by whom. */
export interface AirLink {
  readonly from: EntityId;
  readonly to: EntityId;
  readonly pair: MemoryLinkPair;
}

/** A device, or the server. */
export type Party = EntityId | 'server';

/** What becomes of a frame on its way: what is returned arrives in its place. May do other things, too. */
export type FrameHook = (frame: {
  readonly from: Party;
  readonly to: Party;
  readonly octets: Uint8Array;
}) => Uint8Array | readonly Uint8Array[];

/** One room in which simulated devices notice one another and open memory links. */
export class SimulatedAir {
  /** Every link that was ever opened. */
  readonly links: AirLink[] = [];
  /** Sees every frame, and may keep or change it. */
  hook: FrameHook = ({ octets }) => octets;
  readonly #clock: Clock;
  readonly #options: Partial<MemoryLinkOptions>;
  readonly #stations = new Map<EntityId, Station>();
  readonly #choices = new SeededChoices(1);

  constructor(clock: Clock, options: Partial<MemoryLinkOptions> = {}) {
    this.#clock = clock;
    this.#options = options;
  }

  /** A PAN technology for one device; it is in the room from `start` to `stop`. */
  technology(id: EntityId, deeds: Deeds = new Deeds()): PanTechnology {
    const station: Station = { announcement: { mode: 0, pairing: false }, events: undefined, dead: false, deeds };
    const sighting = () => ({ ...station.announcement, id, technology: 'sim' as const, addresses: [id] });
    return {
      type: 'sim',
      start: async (events) => {
        station.events = events;
        this.#stations.set(id, station);
        for (const [other, { announcement, events: theirs }] of this.#stations) {
          if (other === id) continue;
          this.#later(() => events.sighted({ ...announcement, id: other, technology: 'sim', addresses: [other] }));
          this.#later(() => theirs?.sighted(sighting()));
        }
      },
      announce: (announcement) => {
        station.announcement = announcement;
        if (station.events === undefined) return;
        for (const [other, { events }] of this.#stations) if (other !== id) this.#later(() => events?.sighted(sighting()));
      },
      dial: async (addresses) => this.#dial(id, station, addresses[0] as EntityId),
      addresses: () => [id],
      refresh: () => {},
      stop: async () => {
        station.events = undefined;
        if (this.#stations.get(id) === station) this.#leave(id);
      },
    };
  }

  /** The power of a device goes off: silence, which its neighbours notice by themselves. */
  vanish(id: EntityId): void {
    const station = this.#stations.get(id);
    if (station === undefined) return;
    station.dead = true;
    this.#leave(id);
  }

  /** Breaks every link between two devices; both notice at once. */
  sever(one: EntityId, other: EntityId): void {
    for (const { from, to, pair } of this.links) {
      if ((from === one && to === other) || (from === other && to === one)) pair.sever('the connection broke');
    }
  }

  /** Lets a frame that nobody in the room sent arrive over the newest link of two devices; the hook does not see it. */
  inject(from: Party, to: Party, octets: Uint8Array): void {
    const link = this.links.findLast((one) => (one.from === from && one.to === to) || (one.from === to && one.to === from));
    if (link === undefined) throw new RangeError(`${from} and ${to} never had a link`);
    const { initiator, responder } = link.pair;
    (link.from === from ? initiator : responder).send(octets);
  }

  #leave(id: EntityId): void {
    this.#stations.delete(id);
    for (const { events } of this.#stations.values()) this.#later(() => events?.lost(id, 'sim'));
  }

  #dial(from: EntityId, dialler: Station, to: EntityId): Link {
    const callee = this.#stations.get(to);
    if (callee?.events === undefined || dialler.dead) throw new CpnsError('Transport', 'NotNear', `${to} is not in the room.`);
    const { events } = callee;
    const pair = memoryLinkPair({ clock: this.#clock, choices: this.#choices, initiatorAddress: `sim:${from}`, ...this.#options });
    this.links.push({ from, to, pair });
    this.#later(() => events.accepted(this.#end(pair.responder, to, from, callee)));
    return this.#end(pair.initiator, from, to, dialler);
  }

  /** One end of a link, in the hands of `owner`. */
  #end(link: Link, self: EntityId, peer: EntityId, owner: Station): Link {
    return {
      technology: link.technology,
      initiated: link.initiated,
      remote: link.remote,
      open: (handler) =>
        link.open({
          frame: (octets) => owner.dead || handler.frame(octets),
          closed: (reason) => owner.dead || handler.closed(reason),
        }),
      send: (octets) => {
        if (owner.dead) return;
        const sent = this.hook({ from: self, to: peer, octets });
        for (const frame of sent instanceof Uint8Array ? [sent] : sent) link.send(frame);
        owner.deeds.did('sends');
      },
      close: (reason) => owner.dead || link.close(reason),
    };
  }

  #later(action: () => void): void {
    this.#clock.after(1, action);
  }
}
