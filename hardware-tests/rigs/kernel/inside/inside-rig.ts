import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { Keeper } from '../../../processes/keeper.js';
import { RadioStage } from '../../radio-stage.js';
import type { BuiltStage, Need, Rig } from '../../rig.js';
import { BareStage } from './bare-stage.js';
import { VhciRadios } from './vhci.js';

const UPLINK_PORT = 8883;

/** Within the guest: real processes, and adapters of the guest's kernel. The guest's end clears everything up. */
export class InsideRig implements Rig {
  readonly name = 'kernel';
  readonly title = 'within the guest';
  readonly offers: ReadonlySet<Need> = new Set<Need>(['power', 'ble', 'adapters']);
  readonly atOnce = 1;
  /** Of the guest's seconds. */
  readonly longestMs = 300_000;
  readonly keeper = new Keeper();
  readonly #clock: Clock;
  readonly #isBare: boolean;

  /** `isBare`: the stages have nothing on them. */
  constructor(clock: Clock, isBare: boolean) {
    this.#clock = clock;
    this.#isBare = isBare;
  }

  async obstacle(): Promise<undefined> {
    return undefined;
  }

  async lacks(): Promise<undefined> {
    return undefined;
  }

  async build(): Promise<BuiltStage> {
    if (this.#isBare) return new BareStage(this.#clock);
    const [clock, keeper] = [this.#clock, this.keeper];
    const radios = await VhciRadios.open(clock, keeper);
    const directory = await mkdtemp(join(tmpdir(), 'stage-'));
    return RadioStage.build({ radios, directory, uplinkPort: UPLINK_PORT, clock, keeper });
  }

  close(): Promise<void> {
    return this.keeper.close();
  }
}
