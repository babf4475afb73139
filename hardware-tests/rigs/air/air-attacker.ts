import { CpnsError } from '@cpns/shared';
import type { Attacker, DeviceHandle, Direction } from '../rig.js';
import type { AirProcess } from './process/air-process.js';

/** The attacker of a stage in the air: he sits on every Bluetooth link of the device that is behind him. */
export class AirAttacker implements Attacker {
  readonly #air: AirProcess;
  #target: DeviceHandle | undefined;

  constructor(air: AirProcess) {
    this.#air = air;
  }

  /** Over Bluetooth a device is dialled by its name; that the link goes through the attacker is not seen. */
  get address(): string {
    if (this.#target === undefined) throw new CpnsError('Internal', 'NoTarget', 'The attacker aims at nobody yet.');
    return this.#target.id;
  }

  async aim(device: DeviceHandle): Promise<void> {
    this.#target = device;
  }

  seen = () => this.#air.ask('attackSeen', {});
  replay = (direction: Direction) => this.#air.ask('attackReplay', { direction });
  impersonate = () => this.#air.ask('attackImpersonate', {});

  async alter(direction: Direction, count: number): Promise<void> {
    await this.#air.ask('attackAlter', { direction, count });
  }

  async cut(): Promise<void> {
    await this.#air.ask('attackCut', {});
  }
}
