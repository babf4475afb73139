import { BleTechnology, type DeviceState, HintKeys } from '@cpns/agent';
import type { Clock, CryptoProvider, EntityId, Entropy, Logger } from '@cpns/shared';
import { type MemoryLinkOptions, SeededChoices } from '@cpns/shared/testing';
import { SimulatedAir } from './air.js';
import type { Cable } from './cable.js';
import type { Deeds } from './deeds.js';
import { SimulatedRadio } from './simulated-radio.js';

/** From the sending of a frame to its arrival: some connection events. */
const FRAME_MS = 30;

/** What a Bluetooth device in the room stands on. */
export interface RadioHost {
  readonly id: EntityId;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly provider: CryptoProvider;
  readonly state: DeviceState;
  readonly deeds?: Deeds;
  /** Unplugged: it is out of range of everybody. */
  readonly range?: Cable;
}

/** A room full of Bluetooth radios: the technology of real agents, over radios that are as limited as noble and bleno are. */
export class RadioRoom {
  /** Carries their links. */
  readonly air: SimulatedAir;
  /** Whether one device hears what another advertises. */
  hears: (from: EntityId, to: EntityId) => boolean = () => true;
  readonly #choices = new SeededChoices(2);
  readonly #radios = new Map<EntityId, SimulatedRadio>();
  readonly #addresses = new Map<EntityId, string>();

  constructor(clock: Clock, options: Partial<MemoryLinkOptions> = {}) {
    this.air = new SimulatedAir(clock, { technology: 'ble', weather: { delayMs: FRAME_MS }, ...options });
  }

  technology({ id, clock, entropy, logger, provider, state, deeds, range }: RadioHost): BleTechnology {
    const station = this.air.technology(id, deeds, { address: this.#addressOf(id), ...(range && { cable: range }) });
    const radio = new SimulatedRadio({
      id,
      address: this.#addressOf(id),
      clock,
      choices: this.#choices,
      station,
      range,
      others: () => [...this.#radios.values()].filter((other) => other !== radio),
      hears: (from, to) => this.hears(from, to),
    });
    this.#radios.set(id, radio);
    return new BleTechnology({ id, clock, entropy, provider, logger, radio, keys: new HintKeys(provider, state, id) });
  }

  /** The power of a device goes off. */
  vanish(id: EntityId): void {
    this.#radios.delete(id);
    this.air.vanish(id);
  }

  /** Devices that the radio of that one is connected to: as central, and as peripheral. */
  connectionsOf(id: EntityId): { readonly asCentral: number; readonly asPeripheral: number } {
    const radio = this.#radios.get(id);
    return { asCentral: radio?.centralLinks ?? 0, asPeripheral: radio?.isServing ? 1 : 0 };
  }

  /** An adapter keeps its address. */
  #addressOf(id: EntityId): string {
    const known = this.#addresses.get(id);
    if (known !== undefined) return known;
    const address = `02:00:00:00:00:${(this.#addresses.size + 1).toString(16).padStart(2, '0')}`;
    this.#addresses.set(id, address);
    return address;
  }
}
