import { CpnsError } from '@cpns/shared';
import type { Attacker, DeviceHandle, Direction } from '../rig.js';

/** What somebody does who sits on the Bluetooth links of a device. */
export type AttackDeeds = Omit<Attacker, 'address' | 'aim'>;

/** The attacker of a stage with radios: he sits on every Bluetooth link of the device that is behind him. */
export class RadioAttacker implements Attacker {
  readonly #deeds: AttackDeeds;
  #target: DeviceHandle | undefined;

  constructor(deeds: AttackDeeds) {
    this.#deeds = deeds;
  }

  /** Over Bluetooth a device is dialled by its name; that the link goes through the attacker is not seen. */
  get address(): string {
    if (this.#target === undefined) throw new CpnsError('Internal', 'NoTarget', 'The attacker aims at nobody yet.');
    return this.#target.id;
  }

  async aim(device: DeviceHandle): Promise<void> {
    this.#target = device;
  }

  seen = () => this.#deeds.seen();
  alter = (direction: Direction, count: number) => this.#deeds.alter(direction, count);
  replay = (direction: Direction) => this.#deeds.replay(direction);
  impersonate = () => this.#deeds.impersonate();
  cut = () => this.#deeds.cut();
}
