import { mkdir } from 'node:fs/promises';
import { type Clock, CpnsError, type EntityId, type PnId, parseHostPort, withDeadline } from '@cpns/shared';
import { readCrowd } from '../../crowd/account.js';
import { CrowdGateway } from '../../crowd/crowd-gateway.js';
import type { CrowdPne } from '../../crowd/crowd-pne.js';
import { fillServer } from '../../crowd/fill.js';
import { crowdPorts } from '../../crowd/ports.js';
import type { Keeper } from '../../processes/keeper.js';
import { ServerProcess } from '../../processes/server-process.js';
import { metricsOf } from '../metrics.js';
import { RAISED } from '../server/raised.js';

const ID_SERVER = 'bench';
const REGISTER_AT_ONCE = 20;
const TOLD_WITHIN_MS = 60_000;

/** Beside those of {@link RAISED}: one connection carries what a thousand devices say. */
export const CARRIER_LIMITS = { framesPerSecondPerDevice: 1_000_000, frameBurstPerDevice: 1_000_000, maxUnsentOctetsPerDevice: 67_108_864 };

export interface BusyPnOptions {
  readonly directory: string;
  readonly members: number;
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly signal: AbortSignal;
}

/** What came of a number of changes. */
export interface Changed {
  readonly changes: number;
  readonly seconds: number;
  /** Inventory Notices that members have opened. */
  readonly notices: number;
  /** CPU of the server's process, user and system, in microseconds. */
  readonly cpuUs: number;
}

/** A server process with one PN, every member of which has a session; the devices are in this process. */
export class BusyPn {
  readonly #options: BusyPnOptions;
  readonly #gateway: CrowdGateway;
  readonly #pnId: PnId;
  readonly #adminUrl: string;
  readonly #server: ServerProcess;
  /** Members that have not heard of the version that is waited for. */
  readonly #untold = new Set<EntityId>();
  /** Every change makes a new one; 1 is that of the PN as it was filled. */
  #version = 1;
  #notices = 0;
  #allTold = () => {};

  private constructor(options: BusyPnOptions, server: ServerProcess, adminUrl: string, gateway: CrowdGateway, pnId: PnId) {
    this.#options = options;
    this.#server = server;
    this.#adminUrl = adminUrl;
    this.#gateway = gateway;
    this.#pnId = pnId;
  }

  /** Fills a server, starts it, and gives every member its session. @throws CpnsError */
  static async make(options: BusyPnOptions): Promise<BusyPn> {
    const { directory, members, clock, keeper, signal } = options;
    await mkdir(directory, { mode: 0o700 });
    const uplink = { ...RAISED.uplink, ...CARRIER_LIMITS, host: '127.0.0.1', port: 0, announce: false };
    const server = new ServerProcess({ id: ID_SERVER, directory, config: { ...RAISED, uplink, admin: { port: 0 } }, clock, keeper });
    const { stateDirectory } = server;
    const one = { households: 1, crowd: 1, pnesPerHousehold: members };
    const { idServer, households } = readCrowd(await fillServer({ stateDirectory, idServer: ID_SERVER, ...one, signal }));
    await server.configure();
    const { adminUrl, publicAddress } = await server.start();
    const [household] = households;
    if (household === undefined) throw new RangeError('the server was filled with nobody');
    let pn: BusyPn | undefined;
    const gateway = new CrowdGateway({
      household,
      ports: crowdPorts(),
      server: { idServer, address: parseHostPort(publicAddress) },
      noticed: (to, version) => pn?.noticed(to, version),
    });
    await gateway.connect(signal);
    pn = new BusyPn(options, server, adminUrl, gateway, gateway.listed[0] as PnId);
    await pn.#registerAll();
    return pn;
  }

  async #registerAll(): Promise<void> {
    const waiting = [...this.#gateway.pnes];
    const next = async () => {
      for (let pne = waiting.pop(); pne !== undefined; pne = waiting.pop()) await this.#gateway.register(pne, this.#pnId);
    };
    await Promise.all(Array.from({ length: REGISTER_AT_ONCE }, next));
  }

  private noticed(to: EntityId, version: number): void {
    this.#notices++;
    if (version !== this.#version || !this.#untold.delete(to) || this.#untold.size > 0) return;
    this.#allTold();
  }

  /** One after another somebody leaves, joins, is expelled and joins again; each change is over when every other member has its notice. */
  async change(rounds: number): Promise<Changed> {
    const { clock, signal } = this.#options;
    const gateway = this.#gateway;
    const pnId = this.#pnId;
    const before = { cpuUs: await this.#cpuUs(), notices: this.#notices, atMs: clock.monotonicMs() };
    for (let round = 0; round < rounds; round++) {
      signal.throwIfAborted();
      const pne = gateway.pnes[round % gateway.pnes.length] as CrowdPne;
      await this.#told(pne, () => gateway.takeLeave(pne, pnId));
      await this.#told(pne, () => gateway.join(pne, pnId));
      await this.#told(pne, () => gateway.expel(pne, pnId));
      await this.#told(pne, () => gateway.join(pne, pnId));
    }
    const seconds = (clock.monotonicMs() - before.atMs) / 1_000;
    return { changes: 4 * rounds, seconds, notices: this.#notices - before.notices, cpuUs: (await this.#cpuUs()) - before.cpuUs };
  }

  /** Ends the server, too. */
  async close(): Promise<void> {
    this.#gateway.leave();
    await this.#server.stop();
  }

  /** Makes a change, and waits until all but `pne` were told of it. @throws CpnsError Timeout */
  async #told(pne: CrowdPne, change: () => Promise<number>): Promise<void> {
    const { clock, signal } = this.#options;
    // A notice may come before the answer of which it tells.
    this.#version++;
    for (const { id } of this.#gateway.pnes) if (id !== pne.id) this.#untold.add(id);
    const all = new Promise<void>((resolve) => {
      this.#allTold = resolve;
    });
    const version = await change();
    if (version !== this.#version) throw new CpnsError('State', 'WrongVersion', `A change made version ${version}, not ${this.#version}.`);
    await withDeadline(clock, TOLD_WITHIN_MS, signal, () => all, 'Not every member was told of a change.');
  }

  async #cpuUs(): Promise<number> {
    return 1e6 * ((await metricsOf(this.#adminUrl, this.#options.signal)).get('process_cpu_seconds_total') ?? Number.NaN);
  }
}
