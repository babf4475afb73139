import type { Settings } from '../config/settings.js';
import type { DoctorCheck } from '../control/api/doctor.js';
import type { Host } from '../device/host.js';
import type { Reachability } from '../entity/uplink-port.js';

/** What the checks look at. */
export interface DoctorContext {
  readonly host: Host;
  readonly settings: Settings;
  readonly stateDirectory: string;
  /** Whether the agent runs on that state directory now. */
  readonly running: boolean;
  /** Tries the server with the own EUKey; absent: this device is not enrolled. */
  readonly probe: ((signal: AbortSignal) => Promise<Reachability>) | undefined;
  /** Why the Bluetooth of the running agent does not work, in its own words; undefined when it works, or no agent runs. */
  readonly bluetoothTrouble: string | undefined;
  /** Own wall clock minus server time, where the agent knows it. */
  readonly clockOffsetMs: number | undefined;
}

/** One thing that is looked at. Several results where there are several of it. */
export type Check = (context: DoctorContext, signal: AbortSignal) => Promise<readonly DoctorCheck[]>;

export const ok = (name: string, says: string): DoctorCheck => ({ name, outcome: 'ok', says });
export const skipped = (name: string, says: string, cure?: string): DoctorCheck => result(name, 'skipped', says, cure);
/** It works, but less well than it could. */
export const warning = (name: string, says: string, cure?: string): DoctorCheck => result(name, 'warning', says, cure);
/** It does not work until somebody does something. */
export const problem = (name: string, says: string, cure?: string): DoctorCheck => result(name, 'problem', says, cure);

function result(name: string, outcome: DoctorCheck['outcome'], says: string, cure: string | undefined): DoctorCheck {
  return { name, outcome, says, ...(cure === undefined ? {} : { cure }) };
}
