import type { Clock } from '@cpns/shared';
import { BtvirtRadios } from '../btvirt/btvirt-radios.js';
import { btvirtCannot } from '../btvirt/limits.js';
import { LanRig } from '../lan/lan-rig.js';
import type { BuiltStage, Need, Rig, RigFamily, RigOptions } from '../rig.js';
import { missingTool } from '../tools.js';
import { AirRadios } from './air-radios.js';

/** What has another outcome over Bluetooth, or none. */
const INAPPLICABLE: Readonly<Record<string, string>> = {
  'pair-by-link': 'A pairing link holds addresses of a local network; over Bluetooth there are none that last.',
  'elect-by-capability/three-starters':
    'Over Bluetooth nobody pairs a third device within the 3 s in which a new PN GW yields to a better one.',
};

/** Whose virtual controllers: this project's, or those of BlueZ's emulator as a second opinion. */
export const CONTROLLERS = ['own', 'btvirt'] as const;
export type Controllers = (typeof CONTROLLERS)[number];

/** What BlueZ's emulator wants installed, with the Debian package that has it. */
const BTVIRT_TOOLS = [
  ['btvirt', 'bluez-test-tools'],
  ['gcc', 'gcc'],
] as const;

/** What it offers whoever made the controllers; what btvirt cannot of it, its list of reasons says. */
const OFFERED: readonly Need[] = ['power', 'cables', 'ip', 'ble', 'adapters', 'air', 'attacker'];

/** The rig `air`, over the controllers that are asked for. */
export class Air implements RigFamily {
  readonly name = 'air';
  readonly title = 'Bluetooth LE without radios: real processes with real noble and bleno over virtual controllers';
  readonly #clock: Clock;
  #rig: AirRig | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async open({ controllers = 'own' }: RigOptions): Promise<readonly Rig[]> {
    this.#rig = new AirRig(this.#clock, controllers);
    return [this.#rig];
  }

  async close(): Promise<void> {
    await this.#rig?.close();
  }
}

/** Each device the real programs with the real noble and bleno, over virtual controllers; networks to the server as on the rig `lan`. */
class AirRig implements Rig {
  readonly name: string;
  readonly title: string;
  readonly offers: ReadonlySet<Need> = new Set(OFFERED);
  readonly atOnce = 2;
  readonly atOnceWhenIdle = 5;
  readonly longestMs = 600_000;
  readonly #clock: Clock;
  readonly #network: LanRig;
  readonly #controllers: Controllers;

  constructor(clock: Clock, controllers: Controllers) {
    this.name = controllers === 'own' ? 'air' : `air with ${controllers}`;
    this.title = `over ${controllers === 'own' ? 'controllers of our own' : "the controllers of BlueZ's emulator"}`;
    this.#controllers = controllers;
    this.#clock = clock;
    this.#network = new LanRig(clock);
  }

  async obstacle(): Promise<string | undefined> {
    const missing = this.#controllers === 'btvirt' ? await missingTool(BTVIRT_TOOLS) : undefined;
    return missing ?? this.#network.obstacle();
  }

  inapplicable(scenario: string): string | undefined {
    return this.#controllers === 'btvirt' ? btvirtCannot(scenario) : INAPPLICABLE[scenario];
  }

  lacks(need: Need): Promise<string | undefined> {
    return this.#network.lacks(need);
  }

  build(): Promise<BuiltStage> {
    const clock = this.#clock;
    const radios = this.#controllers === 'btvirt' ? BtvirtRadios : AirRadios;
    return this.#network.build((directory, keeper) => radios.start({ directory, clock, keeper }));
  }

  close(): Promise<void> {
    return this.#network.close();
  }
}
