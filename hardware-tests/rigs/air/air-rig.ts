import type { Clock } from '@cpns/shared';
import { LanRig } from '../lan/lan-rig.js';
import type { BuiltStage, Need, Rig } from '../rig.js';
import { AirRadios } from './air-radios.js';

/** What has another outcome over Bluetooth. */
const INAPPLICABLE: Readonly<Record<string, string>> = {
  'elect-by-capability/three-starters':
    'Over Bluetooth nobody pairs a third device within the 3 s in which a new PN GW yields to a better one.',
};

/** Each device the real programs with the real noble and bleno, over virtual controllers; networks to the server as on the rig `lan`. */
export class AirRig implements Rig {
  readonly name = 'air';
  readonly title = 'Bluetooth LE without radios: real processes with real noble and bleno over virtual controllers';
  readonly offers: ReadonlySet<Need> = new Set<Need>(['power', 'cables', 'ble', 'adapters', 'air']);
  readonly atOnce = 2;
  readonly #clock: Clock;
  readonly #network: LanRig;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#network = new LanRig(clock);
  }

  obstacle(): Promise<string | undefined> {
    return this.#network.obstacle();
  }

  inapplicable(scenario: string): string | undefined {
    return INAPPLICABLE[scenario];
  }

  lacks(need: Need): Promise<string | undefined> {
    return this.#network.lacks(need);
  }

  build(): Promise<BuiltStage> {
    const clock = this.#clock;
    return this.#network.build((directory, keeper) => AirRadios.start({ directory, clock, keeper }));
  }

  close(): Promise<void> {
    return this.#network.close();
  }
}
