import type { Announcement, PanEvents, PanTechnology } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, type Link, type LinkType } from '@cpns/shared';
import { type MemoryLinkOptions, type MemoryLinkPair, memoryLinkPair, SeededChoices } from '@cpns/shared/testing';
import type { Cable } from './cable.js';
import { Deeds } from './deeds.js';

/** Where a station is. */
export interface Place {
  /** Under which it can be dialled. Default: its id. */
  readonly address?: string;
  /** Stations of different rooms neither notice nor reach each other. Default: one room for all. */
  readonly room?: string;
  readonly cable?: Cable;
}

/** What a station says to whoever asks at its address. */
export type Introduction = Announcement & { readonly id: EntityId };

/** Somebody who is no station and takes calls at an address. */
export interface Door {
  readonly id: EntityId;
  readonly address: string;
  readonly room: string;
  /** Undefined: nobody answers. */
  introduction(): Introduction | undefined;
  accepted(link: Link): void;
}

export interface SimulatedTechnology extends PanTechnology {
  /** Who is at an address, if anybody can be reached there. */
  introduction(address: string): Introduction | undefined;
}

interface Station {
  readonly address: string;
  readonly room: string;
  readonly cable: Cable | undefined;
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
  readonly #type: LinkType;
  readonly #options: Partial<MemoryLinkOptions>;
  readonly #stations = new Map<EntityId, Station>();
  readonly #doors: Door[] = [];
  readonly #choices = new SeededChoices(1);

  constructor(clock: Clock, options: Partial<MemoryLinkOptions> = {}) {
    this.#clock = clock;
    this.#options = options;
    this.#type = options.technology ?? 'sim';
  }

  /** A PAN technology for one device; it is in the room from `start` to `stop`. */
  technology(id: EntityId, deeds: Deeds = new Deeds(), place: Place = {}): SimulatedTechnology {
    const { address = id, room = '', cable } = place;
    const station: Station = {
      address,
      room,
      cable,
      announcement: { mode: 0, pairing: false },
      events: undefined,
      dead: false,
      deeds,
    };
    const sighting = () => ({ ...station.announcement, id, technology: this.#type, addresses: [address] });
    const others = () => [...this.#stations].filter(([other, { room: theirs }]) => other !== id && theirs === room);
    cable?.onPull(() => this.#cut(id));
    return {
      type: this.#type,
      start: async (events) => {
        station.events = events;
        this.#stations.set(id, station);
        for (const [other, { address: where, announcement, events: theirs }] of others()) {
          this.#later(() => events.sighted({ ...announcement, id: other, technology: this.#type, addresses: [where] }));
          this.#later(() => theirs?.sighted(sighting()));
        }
      },
      announce: (announcement) => {
        station.announcement = announcement;
        if (station.events === undefined) return;
        for (const [, { events }] of others()) this.#later(() => events?.sighted(sighting()));
      },
      canDial: () => true,
      proven: () => {},
      dial: async (addresses, signal) => {
        // Time to think better of it.
        await Promise.resolve();
        signal.throwIfAborted();
        return this.#dial(id, station, addresses[0] as string);
      },
      introduction: (where) => this.#introduction(station, where),
      addresses: () => [address],
      refresh: () => {},
      stop: async () => {
        station.events = undefined;
        if (this.#stations.get(id) !== station) return;
        for (const { from, to, pair } of this.links) {
          if (from === id) pair.initiator.close('this device stops');
          if (to === id) pair.responder.close('this device stops');
        }
        this.#leave(id);
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

  /** Opens a door, for good. */
  addDoor(door: Door): void {
    this.#doors.push(door);
  }

  /** What a station announces at present; undefined when it is not there. */
  announcementOf(id: EntityId): Announcement | undefined {
    return this.#stations.get(id)?.announcement;
  }

  /** Opens a link to a station on behalf of somebody who is none. @throws CpnsError Transport/NotNear */
  call(from: EntityId, to: EntityId): Link {
    const callee = this.#stations.get(to);
    if (callee?.events === undefined || callee.cable?.plugged === false) throw notNear(to);
    return this.#connect(from, to, callee);
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
    for (const { events } of this.#stations.values()) this.#later(() => events?.lost(id, this.#type));
  }

  /** A cable was pulled: what was connected through it stays silent, also when it is plugged in again. */
  #cut(id: EntityId): void {
    for (const { from, to, pair } of this.links) if (from === id || to === id) pair.cut();
  }

  #dial(from: EntityId, dialler: Station, address: string): Link {
    if (dialler.dead || dialler.cable?.plugged === false) throw notNear(address);
    const door = this.#doorAt(dialler, address);
    if (door !== undefined) {
      const pair = this.#pair(from, door.id);
      this.#later(() => door.accepted(pair.responder));
      return this.#end(pair.initiator, from, door.id, dialler);
    }
    const [to, callee] = this.#stationAt(dialler, address) ?? [];
    if (to === undefined || callee === undefined) throw notNear(address);
    return this.#end(this.#connect(from, to, callee), from, to, dialler);
  }

  #connect(from: EntityId, to: EntityId, callee: Station): Link {
    const pair = this.#pair(from, to);
    const { events } = callee;
    this.#later(() => events?.accepted(this.#end(pair.responder, to, from, callee)));
    return pair.initiator;
  }

  #pair(from: EntityId, to: EntityId): MemoryLinkPair {
    const pair = memoryLinkPair({
      clock: this.#clock,
      choices: this.#choices,
      initiatorAddress: `${this.#type}:${from}`,
      ...this.#options,
    });
    this.links.push({ from, to, pair });
    return pair;
  }

  #introduction(asker: Station, address: string): Introduction | undefined {
    if (asker.cable?.plugged === false) return undefined;
    const door = this.#doorAt(asker, address);
    if (door !== undefined) return door.introduction();
    const [id, station] = this.#stationAt(asker, address) ?? [];
    return id && station && { id, ...station.announcement };
  }

  #doorAt(asker: Station, address: string): Door | undefined {
    return this.#doors.find((door) => door.room === asker.room && door.address === address);
  }

  #stationAt(asker: Station, address: string): [EntityId, Station] | undefined {
    const isThere = ({ address: theirs, room, events, cable }: Station) =>
      theirs === address && room === asker.room && events !== undefined && cable?.plugged !== false;
    return [...this.#stations].find(([, station]) => isThere(station));
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

function notNear(who: string): CpnsError {
  return new CpnsError('Transport', 'NotNear', `${who} is not in the room.`);
}
