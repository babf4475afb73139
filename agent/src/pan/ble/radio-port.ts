import type { Link } from '@cpns/shared';
import type { BleAdvertisement } from '@cpns/shared/messages';

/** What the agent wants of its Bluetooth adapter; the radio strives for it until it is told otherwise. */
export interface RadioDesire {
  /** What everybody near may hear. Undefined: this device cannot be found or connected to. */
  readonly advertisement: BleAdvertisement | undefined;
  /** Content of the characteristic *entity id*: the own id while the pairing window is open, empty otherwise. */
  readonly readableId: string;
  /** Whether to listen for others. */
  readonly scan: boolean;
  /** `central`: connects to others and is not connected to. `peripheral`: the opposite. `either`: in turn, on one adapter. */
  readonly role: 'central' | 'peripheral' | 'either';
}

/** Another device that advertises CPNS. Nothing of it is proven. */
export interface RadioNeighbour {
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  readonly advertisement: BleAdvertisement;
  readonly rssi: number;
}

export interface RadioEvents {
  /** Heard, or heard again (at most once a second for each address unless something changed). */
  advertised(neighbour: RadioNeighbour): void;
  /** A central has connected and greeted; its frames arrive on `link`. */
  accepted(link: Link): void;
  /** Once for every link of `accepted` and `connect`: it is over, whether anybody opened it or not. */
  ended(link: Link): void;
  /** Why Bluetooth does not work at present, in one sentence that says what to do; undefined when it works again. */
  problem(sentence: string | undefined): void;
}

/** The Bluetooth LE radio of this device: adapter, connections and segments, in whatever process. */
export interface Radio {
  /** Resolves at once: a radio that does not work yet is a `problem`, not a failure. */
  start(events: RadioEvents): void;
  want(desire: RadioDesire): void;
  /** Connects, subscribes and greets. Up to three attempts. @throws CpnsError Transport, Timeout */
  connect(address: string, signal: AbortSignal): Promise<Link>;
  /** Connects, reads the characteristic *entity id* and disconnects. Empty: its pairing window is closed. @throws CpnsError Transport, Timeout, Codec */
  readEntityId(address: string, signal: AbortSignal): Promise<string>;
  /** Who is at the other end of `link` has proven itself, or is pairing: it is a stranger no more (protocol 0.26). */
  proven(link: Link): void;
  stop(): Promise<void>;
}
