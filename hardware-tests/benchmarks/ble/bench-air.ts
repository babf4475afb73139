import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { Keeper } from '../../processes/keeper.js';
import { HOST_VARIABLE } from '../../rigs/air/adapter-list.js';
import { INJECT } from '../../rigs/air/air-radios.js';
import { AirProcess } from '../../rigs/air/process/air-process.js';

/** A host with one adapter in the air. */
export interface AirHost {
  readonly address: string;
  /** Words in front of the command of a process on it. */
  readonly prefix: readonly string[];
}

/** An air for a benchmark, and what has to be ended with it. */
export class BenchAir {
  readonly air: AirProcess;
  readonly clock: Clock;
  readonly keeper: Keeper;
  #hosts = 0;

  private constructor(air: AirProcess, clock: Clock, keeper: Keeper) {
    this.air = air;
    this.clock = clock;
    this.keeper = keeper;
  }

  static async open(clock: Clock): Promise<BenchAir> {
    const keeper = new Keeper();
    const directory = await mkdtemp(join(tmpdir(), 'cpns-air-'));
    keeper.keep({ kind: 'directory', path: directory });
    try {
      return new BenchAir(await AirProcess.start({ directory, clock, keeper }), clock, keeper);
    } catch (error) {
      await keeper.close();
      throw error;
    }
  }

  async host(): Promise<AirHost> {
    const number = ++this.#hosts;
    const host = `host${number}`;
    const address = `c0:ff:ee:00:00:${number.toString(16).padStart(2, '0')}`;
    const { directory } = await this.air.ask('addHost', { host });
    await this.air.ask('plug', { host, address });
    return { address, prefix: ['env', `${HOST_VARIABLE}=${directory}`, `NODE_OPTIONS=--import ${INJECT}`] };
  }

  async close(): Promise<void> {
    await this.keeper.close();
  }
}
