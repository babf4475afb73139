import type { BuiltStage, Need, Rig } from '../rig.js';
import { SimulationStage } from './simulation-stage.js';

/** All devices and the server in this process, under a clock that does not wait. */
export class SimulationRig implements Rig {
  readonly name = 'simulation';
  readonly title = 'one process, virtual time: real agents and server on simulated links, multicast and disks';
  readonly offers: ReadonlySet<Need> = new Set<Need>(['power', 'cables', 'attacker', 'ip', 'dns-sd', 'mqtt', 'ble']);
  readonly atOnce = 1;

  async obstacle(): Promise<undefined> {
    return undefined;
  }

  async lacks(): Promise<undefined> {
    return undefined;
  }

  build(): Promise<BuiltStage> {
    return SimulationStage.build();
  }

  async close(): Promise<void> {}
}
