import type { NamedSecret } from '../processes/key-log.js';
import type { AdapterHandle, AirHandle, Attacker, LogOf } from './rig.js';

/** The Bluetooth adapter of one device of a stage. */
export interface DeviceRadio extends AdapterHandle {
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  /** Words in front of the agent's command, such as those that set its environment. */
  readonly prefix: readonly string[];
  /** Out of range of everybody. */
  jam(): Promise<void>;
  unjam(): Promise<void>;
}

/** Bluetooth for the devices of a stage; all of them hear one another. */
export interface StageRadios {
  /** What goes through the air, where it can be watched and disturbed. */
  readonly air?: AirHandle;
  /** Plugs an adapter in for the device of that name, powered. `behind`: who sits on its links. */
  add(device: string, behind?: Attacker): Promise<DeviceRadio>;
  /** Somebody who can sit on links, where there can be one. */
  attacker?(): Attacker;
  /** What was heard in the air, where somebody listens, holds nothing of `secrets`. @throws CheckFailed */
  verify?(secrets: readonly NamedSecret[]): Promise<void>;
  logs(): readonly LogOf[];
  close(): Promise<void>;
}
