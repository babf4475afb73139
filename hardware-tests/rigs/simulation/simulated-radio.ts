import type { Radio, RadioDesire, RadioEvents } from '@cpns/agent';
import { type Clock, CpnsError, type EntityId, every, type Link, sleep } from '@cpns/shared';
import type { SeededChoices } from '@cpns/shared/testing';
import type { SimulatedTechnology } from './air.js';
import type { Cable } from './cable.js';

const ADVERTISE_EVERY_MS = 500;
/** One adapter that does either advertises for a while and listens for a while. */
const TURN_MS = 2_000;
const CONNECT_MS = 300;
const GIVE_UP_MS = 3_000;

export interface SimulatedRadioOptions {
  readonly id: EntityId;
  readonly address: string;
  readonly clock: Clock;
  readonly choices: SeededChoices;
  /** Carries the links. */
  readonly station: SimulatedTechnology;
  readonly range: Cable | undefined;
  others(): SimulatedRadio[];
  hears(from: EntityId, to: EntityId): boolean;
}

/**
 * A Bluetooth adapter with what noble and bleno make of it: one central at a time is served, meanwhile nothing is advertised; many
 * peripherals are connected to, not while somebody is served.
 */
export class SimulatedRadio implements Radio {
  readonly id: EntityId;
  readonly address: string;
  readonly #options: SimulatedRadioOptions;
  readonly #links = new Set<Link>();
  #serving: Link | undefined;
  #desire: RadioDesire = { advertisement: undefined, readableId: '', scan: false, role: 'either' };
  #events: RadioEvents | undefined;
  #advertises = true;
  #cancels: readonly (() => void)[] = [];

  constructor(options: SimulatedRadioOptions) {
    this.#options = options;
    this.id = options.id;
    this.address = options.address;
  }

  get isServing(): boolean {
    return this.#serving !== undefined;
  }
  get centralLinks(): number {
    return [...this.#links].filter(({ initiated }) => initiated).length;
  }

  start(events: RadioEvents): void {
    const { clock, choices, station } = this.#options;
    this.#events = events;
    const accepted = (raw: Link) => {
      if (this.isServing) return raw.close('another central is served');
      const link = this.#owned(raw, raw.remote);
      this.#serving = link;
      events.accepted(link);
    };
    void station.start({ accepted, sighted: () => {}, lost: () => {}, problem: () => {} });
    const turn = () => {
      this.#advertises = choices.chance(0.5);
    };
    this.#cancels = [every(clock, ADVERTISE_EVERY_MS, () => this.#advertise()), every(clock, TURN_MS, turn)];
  }

  want(desire: RadioDesire): void {
    this.#desire = desire;
  }

  async connect(address: string, signal: AbortSignal): Promise<Link> {
    await this.#reach(address, signal);
    if (this.isServing && this.#desire.role !== 'central')
      throw new CpnsError('Transport', 'PeerUnreachable', 'The adapter serves a central.');
    this.#serving?.close('the adapter is needed to connect');
    return this.#owned(await this.#options.station.dial([address], signal), address);
  }

  async readEntityId(address: string, signal: AbortSignal): Promise<string> {
    return (await this.#reach(address, signal)).#desire.readableId;
  }

  proven(): void {}

  async stop(): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    for (const link of [...this.#links]) link.close('the radio stops');
    this.#events = undefined;
    await this.#options.station.stop();
  }

  get #isConnectable(): boolean {
    const { range } = this.#options;
    const inRange = range === undefined || range.plugged;
    return this.#events !== undefined && inRange && this.#desire.advertisement !== undefined && !this.isServing && this.centralLinks === 0;
  }

  get #isHeard(): boolean {
    return this.#isConnectable && (this.#desire.role !== 'either' || this.#advertises);
  }

  get #isListening(): boolean {
    const { range } = this.#options;
    return this.#desire.scan && (range === undefined || range.plugged) && (this.#desire.role !== 'either' || !this.#advertises);
  }

  #advertise(): void {
    const { advertisement } = this.#desire;
    if (advertisement === undefined || !this.#isHeard) return;
    const { address, id } = this;
    for (const other of this.#options.others()) {
      if (other.#isListening && this.#options.hears(id, other.id)) other.#events?.advertised({ address, advertisement, rssi: -60 });
    }
  }

  /** @throws CpnsError Transport/PeerUnreachable */
  async #reach(address: string, signal: AbortSignal): Promise<SimulatedRadio> {
    const { clock, others, hears } = this.#options;
    await sleep(clock, CONNECT_MS, signal);
    const there = others().find((other) => other.address === address);
    if (this.#desire.role !== 'peripheral' && there !== undefined && there.#isConnectable && hears(this.id, there.id)) return there;
    await sleep(clock, GIVE_UP_MS, signal);
    throw new CpnsError('Transport', 'PeerUnreachable', `Nobody answers at ${address}.`);
  }

  /** A link of this radio, until it ends. */
  #owned(raw: Link, remote: string): Link {
    let opened = false;
    const over = () => {
      if (!this.#links.delete(link)) return;
      if (this.#serving === link) this.#serving = undefined;
      this.#events?.ended(link);
    };
    const link: Link = {
      technology: raw.technology,
      initiated: raw.initiated,
      remote,
      open: (handler) => {
        opened = true;
        raw.open({
          frame: (octets) => handler.frame(octets),
          closed: (reason) => {
            over();
            handler.closed(reason);
          },
        });
      },
      send: (octets) => raw.send(octets),
      close: (reason) => {
        raw.close(reason);
        if (!opened) over();
      },
    };
    this.#links.add(link);
    return link;
  }
}
