import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, CpnsError, sleep } from '@cpns/shared';
import { CrowdProcess } from '../../crowd/crowd-process.js';
import { fillServer } from '../../crowd/fill.js';
import type { Keeper } from '../../processes/keeper.js';
import { ServerProcess } from '../../processes/server-process.js';
import { metricsOf } from '../metrics.js';
import { RAISED } from './raised.js';

const PNES_PER_GATEWAY = 5;
const ID_SERVER = 'bench';

/** What a server did in a while. */
export interface Measured {
  readonly seconds: number;
  readonly establishments: number;
  readonly timesMs: readonly number[];
  /** CPU of the server's process, user and system, in microseconds. */
  readonly cpuUs: number;
  readonly transactions: number;
  readonly commits: number;
}

interface Counters {
  readonly cpuUs: number;
  readonly transactions: number;
  readonly commits: number;
}

export interface MeasuredServerOptions {
  readonly directory: string;
  /** PNEs that are registered from the beginning. */
  readonly registered: number;
  readonly gateways: number;
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly signal: AbortSignal;
}

/** A server process with a history, and a crowd in another process that it serves. */
export class MeasuredServer {
  readonly stateDirectory: string;
  readonly crowdFile: string;
  readonly #options: MeasuredServerOptions;
  readonly #server: ServerProcess;
  readonly #crowd: CrowdProcess;
  #adminUrl = '';
  #address = '';

  private constructor(options: MeasuredServerOptions, server: ServerProcess, crowdFile: string) {
    this.#options = options;
    this.#server = server;
    this.stateDirectory = server.stateDirectory;
    this.crowdFile = crowdFile;
    this.#crowd = new CrowdProcess(crowdFile, options.clock, options.keeper);
  }

  /** Makes the state; nothing runs yet. @throws CpnsError */
  static async make(options: MeasuredServerOptions): Promise<MeasuredServer> {
    const { directory, registered, gateways, clock, keeper, signal } = options;
    await mkdir(directory, { mode: 0o700 });
    const config = {
      ...RAISED,
      uplink: { ...RAISED.uplink, host: '127.0.0.1', port: 0, announce: false },
      admin: { port: 0 },
    };
    const server = new ServerProcess({ id: ID_SERVER, directory, config, clock, keeper });
    const { stateDirectory } = server;
    const households = Math.max(gateways, Math.ceil(registered / PNES_PER_GATEWAY));
    const crowd = await fillServer({
      stateDirectory,
      idServer: ID_SERVER,
      households,
      pnesPerHousehold: PNES_PER_GATEWAY,
      crowd: gateways,
      signal,
    });
    await server.configure();
    const crowdFile = join(directory, 'crowd.json');
    await writeFile(crowdFile, JSON.stringify(crowd), { mode: 0o600 });
    return new MeasuredServer(options, server, crowdFile);
  }

  /** Starts the server; closing the database before has brought every page into its main file. */
  async start(): Promise<void> {
    const { adminUrl, publicAddress } = await this.#server.start();
    this.#adminUrl = adminUrl;
    this.#address = publicAddress;
  }

  /** What one establishment sends. */
  async example() {
    return (await this.#crowd.order({ do: 'example', address: this.#address }, this.#options.signal)).passed;
  }

  /** Connects the crowd, lets it establish PNs without a break, and counts after the warm-up. @throws CpnsError State/CrowdFailed when one failed */
  async measure(warmUpMs: number, ms: number): Promise<Measured> {
    const { clock, signal } = this.#options;
    await this.#crowd.order({ do: 'connect', address: this.#address }, signal);
    await this.#crowd.order({ do: 'start' }, signal);
    await sleep(clock, warmUpMs, signal);
    const before = await this.#counters();
    await this.#crowd.order({ do: 'begin' }, signal);
    await sleep(clock, ms, signal);
    const { report } = await this.#crowd.order({ do: 'report' }, signal);
    const after = await this.#counters();
    await this.#crowd.order({ do: 'stop' }, signal);
    await this.#crowd.order({ do: 'leave' }, signal);
    if (report.failures > 0 || report.timesMs.length === 0) {
      throw new CpnsError('State', 'CrowdFailed', `${report.failures} establishments failed: ${report.failure ?? 'none succeeded'}`);
    }
    return {
      seconds: report.seconds,
      establishments: report.timesMs.length,
      timesMs: report.timesMs,
      cpuUs: after.cpuUs - before.cpuUs,
      transactions: after.transactions - before.transactions,
      commits: after.commits - before.commits,
    };
  }

  /** Stops the server, which writes every page into the main file of its database. */
  async stop(): Promise<void> {
    await this.#server.stop();
  }

  /** Ends the crowd too. */
  async close(): Promise<void> {
    await Promise.all([this.#crowd.stop(), this.stop()]);
  }

  async #counters(): Promise<Counters> {
    const metrics = await metricsOf(this.#adminUrl, this.#options.signal);
    const value = (name: string) => metrics.get(name) ?? Number.NaN;
    return {
      cpuUs: 1e6 * value('process_cpu_seconds_total'),
      transactions: value('cpns_database_transactions'),
      commits: value('cpns_database_commits'),
    };
  }
}
