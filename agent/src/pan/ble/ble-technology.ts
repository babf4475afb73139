import { abortReason, type Clock, CpnsError, type CryptoProvider, type EntityId, type Entropy, type Link, type Logger } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import type { Announcement, PanEvents, PanTechnology } from '../../entity/pan-technology.js';
import type { BleKeys } from './ble-keys.js';
import { BleNeighbours } from './ble-neighbours.js';
import { HintResolver } from './hint-resolver.js';
import { IdReader } from './id-reader.js';
import { OwnHints } from './own-hints.js';
import type { Radio, RadioDesire, RadioNeighbour } from './radio-port.js';

/** Sightings, hints and keys are looked after this often, in milliseconds. */
const TICK_MS = 1_000;
const ADDRESS = /^(?:[0-9a-f]{2}:){5}[0-9a-f]{2}$/;
/** Who connects to whom once it is known who is PN GW: bleno serves one central, noble connects to many peripherals. */
const ROLE: Readonly<Record<Mode, RadioDesire['role']>> = {
  [Mode.Unassigned]: 'either',
  [Mode.Pne]: 'peripheral',
  [Mode.PnGw]: 'central',
  [Mode.Both]: 'either',
};

export interface BleOptions {
  readonly id: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly provider: CryptoProvider;
  readonly logger: Logger;
  readonly radio: Radio;
  readonly keys: BleKeys;
  /** Devices near that are remembered. Default: 256. */
  readonly maxNames?: number;
}

/** Bluetooth LE as a PAN technology (protocol 0.26): paired devices know each other by their hints, strangers meet in a pairing window. */
export class BleTechnology implements PanTechnology {
  readonly type = 'ble';
  readonly #options: BleOptions;
  readonly #resolver: HintResolver;
  readonly #hints: OwnHints;
  readonly #neighbours: BleNeighbours;
  readonly #reader: IdReader;
  /** Links that stand; true: the peer is a stranger no more. */
  readonly #links = new Map<Link, boolean>();
  readonly #over = new WeakSet<Link>();
  #announcement: Announcement = { mode: Mode.Unassigned, pairing: false };
  #events: PanEvents | undefined;
  #wanted: RadioDesire | undefined;
  #problem: string | undefined;
  #cancelTick = () => {};

  constructor(options: BleOptions) {
    this.#options = options;
    const { clock, entropy, provider, logger, radio, maxNames = 256 } = options;
    this.#resolver = new HintResolver(provider, clock);
    this.#hints = new OwnHints(provider, entropy, clock);
    this.#neighbours = new BleNeighbours(clock, maxNames, {
      sighted: (sighting) => this.#events?.sighted(sighting),
      lost: (id) => this.#events?.lost(id, 'ble'),
    });
    this.#reader = new IdReader({
      clock,
      entropy,
      logger,
      read: (address, signal) => radio.readEntityId(address, signal),
      found: (id, { address, advertisement }) => {
        if (id !== options.id) this.#neighbours.heard(address, id, advertisement, 'word');
      },
    });
  }

  async start(events: PanEvents): Promise<void> {
    this.#events = events;
    this.#options.radio.start({
      advertised: (neighbour) => this.#heard(neighbour),
      accepted: (link) => {
        this.#links.set(link, false);
        events.accepted(link);
      },
      ended: (link) => this.#ended(link),
      problem: (sentence) => this.#troubled(sentence),
    });
    this.#tick();
  }

  announce(announcement: Announcement): void {
    const { keys } = this.#options;
    this.#announcement = announcement;
    this.#hints.follow(keys.own());
    this.#resolver.follow(keys.peers());
    const { pairing } = announcement;
    if (!pairing) this.#reader.stop();
    this.#neighbours.keep((id, evidence) => this.#resolver.isPeer(id) || (pairing && evidence === 'word'));
    this.#want();
  }

  async dial(addresses: readonly string[], signal: AbortSignal): Promise<Link> {
    let last: unknown;
    for (const address of this.#neighbours.bestAddresses(addresses)) {
      try {
        const link = await this.#options.radio.connect(address, signal);
        if (this.#over.has(link)) throw new CpnsError('Transport', 'LinkLost', 'The Bluetooth connection ended at once.');
        this.#links.set(link, false);
        this.#neighbours.linked(address);
        return link;
      } catch (error) {
        last = error;
        this.#neighbours.failed(address);
        if (signal.aborted) throw abortReason(signal);
      }
    }
    throw last ?? new CpnsError('Transport', 'PeerUnreachable', 'No Bluetooth address of the other device is known.');
  }

  /** The peer of `link` has proven itself, or is pairing. */
  proven(link: Link): void {
    if (!this.#links.has(link)) return;
    this.#links.set(link, true);
    this.#options.radio.proven(link);
  }

  canDial(address: string): boolean {
    return ADDRESS.test(address);
  }

  /** None: Bluetooth addresses are found by hint, and are no part of a pairing link. */
  addresses(): readonly string[] {
    return [];
  }

  /** Listening never ends, so that there is only the own state to look at. */
  refresh(): void {
    this.#want();
  }

  async stop(): Promise<void> {
    this.#events = undefined;
    this.#cancelTick();
    this.#reader.stop();
    await this.#options.radio.stop();
    this.#resolver.follow(new Map());
  }

  #heard(neighbour: RadioNeighbour): void {
    const { address, advertisement } = neighbour;
    const id = this.#resolver.resolve(advertisement.hint);
    if (id !== undefined) return this.#neighbours.heard(address, id, advertisement, 'hint');
    this.#neighbours.heardAgain(address, advertisement);
    if (advertisement.pairingOpen && this.#announcement.pairing) this.#reader.heard(neighbour);
  }

  #ended(link: Link): void {
    const proven = this.#links.get(link);
    this.#over.add(link);
    if (proven === undefined) return;
    this.#links.delete(link);
    if (link.initiated) this.#neighbours.unlinked(link.remote, proven);
  }

  #troubled(sentence: string | undefined): void {
    if (sentence === this.#problem) return;
    this.#problem = sentence;
    this.#options.logger.notice(sentence ?? 'Bluetooth works again.');
    this.#events?.problem(sentence);
  }

  #tick(): void {
    this.#cancelTick = this.#options.clock.after(TICK_MS, () => this.#tick());
    this.#neighbours.tick();
    this.#want();
  }

  /** Tells the radio what this device wants now, if that has changed. */
  #want(): void {
    if (this.#events === undefined) return;
    const { mode, pairing } = this.#announcement;
    // Who has nobody to meet is silent: what it said could only be used to follow it.
    const meets = pairing || this.#resolver.hasPeers;
    const role = pairing ? 'either' : ROLE[mode];
    const hint = this.#hints.current();
    const desire: RadioDesire = {
      advertisement: meets && role !== 'central' && hint !== undefined ? { mode, pairingOpen: pairing, hint } : undefined,
      readableId: pairing ? this.#options.id : '',
      scan: meets && role !== 'peripheral',
      role,
    };
    if (this.#wanted !== undefined && isSame(desire, this.#wanted)) return;
    this.#wanted = desire;
    this.#options.radio.want(desire);
  }
}

function isSame(a: RadioDesire, b: RadioDesire): boolean {
  return JSON.stringify(plain(a)) === JSON.stringify(plain(b));
}

function plain({ advertisement, ...rest }: RadioDesire): unknown {
  return { ...rest, advertisement: advertisement && { ...advertisement, hint: [...advertisement.hint] } };
}
