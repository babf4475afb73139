import { type CryptoProvider, type EntityId, entityId, type Link } from '@cpns/shared';
import { Mode } from '@cpns/shared/messages';
import { nobleProvider } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import type { Sighting } from '../../../src/entity/pan-technology.js';
import { BleTechnology } from '../../../src/pan/ble/ble-technology.js';
import { FakeAir, type FakeRadio } from './fake-radio.js';

/** One device of the lab: its technology, and everything that it has reported. */
export interface LabDevice {
  readonly id: EntityId;
  readonly ble: BleTechnology;
  readonly radio: FakeRadio;
  readonly logger: MemoryLogger;
  readonly kAdv: Uint8Array;
  /** Keys as the device has them; changes count with the next announcement. */
  readonly own: Uint8Array[];
  readonly peers: Map<EntityId, readonly Uint8Array[]>;
  readonly sighted: Sighting[];
  readonly lost: EntityId[];
  readonly accepted: Link[];
  readonly problems: (string | undefined)[];
  /** The last sighting of a device that has not been lost since. */
  sees(id: EntityId): Sighting | undefined;
}

export class BleLab {
  readonly clock = new VirtualClock();
  readonly air = new FakeAir(this.clock);
  #devices = 0;

  /** A device that has been started and is unassigned. */
  async device(name: string, provider: CryptoProvider = nobleProvider): Promise<LabDevice> {
    const number = ++this.#devices;
    const radio = this.air.radio(addressOf(number));
    const logger = new MemoryLogger();
    const kAdv = new Uint8Array(16).fill(number);
    const device = {
      id: entityId(name),
      radio,
      logger,
      kAdv,
      own: [kAdv],
      peers: new Map<EntityId, readonly Uint8Array[]>(),
      sighted: [] as Sighting[],
      lost: [] as EntityId[],
      accepted: [] as Link[],
      problems: [] as (string | undefined)[],
    };
    const near = new Map<EntityId, Sighting>();
    const ble = new BleTechnology({
      id: device.id,
      clock: this.clock,
      entropy: new InsecureSeededEntropy(name),
      provider,
      logger,
      radio,
      keys: { own: () => device.own, peers: () => device.peers },
    });
    ble.announce({ mode: Mode.Unassigned, pairing: false });
    await ble.start({
      sighted: (sighting) => {
        device.sighted.push(sighting);
        near.set(sighting.id, sighting);
      },
      lost: (id) => {
        device.lost.push(id);
        near.delete(id);
      },
      accepted: (link) => device.accepted.push(link),
      problem: (sentence) => device.problems.push(sentence),
    });
    return { ...device, ble, sees: (id) => near.get(id) };
  }

  /** Each can resolve the other's hints. */
  pair(a: LabDevice, b: LabDevice): void {
    a.peers.set(b.id, [b.kAdv]);
    b.peers.set(a.id, [a.kAdv]);
    for (const { ble } of [a, b]) ble.announce({ mode: Mode.Unassigned, pairing: false });
  }
}

export function addressOf(number: number): string {
  return `02:00:00:00:${(number >> 8).toString(16).padStart(2, '0')}:${(number & 0xff).toString(16).padStart(2, '0')}`;
}
