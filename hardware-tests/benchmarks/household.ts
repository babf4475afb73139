import { mkdtemp, open as openFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient } from '@cpns/server';
import { type Clock, CpnsError, decodeEnrolment, type EntityId, encodeEnrolment, userId } from '@cpns/shared';
import { nativeProvider, SystemClock } from '@cpns/shared/node';
import { AgentProcess } from '../processes/agent-process.js';
import { Keeper } from '../processes/keeper.js';
import { thisMachine } from '../processes/machine.js';
import type { ProcessFigures } from '../processes/probe.js';
import { ServerProcess, type ServerReady } from '../processes/server-process.js';
import { LAPTOP, PHONE } from '../scenarios/profiles.js';
import type { BenchmarkRun } from './benchmark.js';
import { metricsOf } from './metrics.js';
import { median } from './statistics.js';

const OWNER = userId('ann');
/** Of each process, when something failed. */
const LAST_LINES = 15;

/** Name of the loopback interface: nothing of a benchmark leaves the machine. */
export const LOOPBACK =
  Object.entries(networkInterfaces()).find(([, addresses]) => addresses?.some(({ address }) => address === '127.0.0.1'))?.[0] ?? 'lo';

/** Limits that would stop a benchmark which does in seconds what people do in months. */
export const NO_LIMIT = {
  server: {
    uplink: { handshakesPerSecondPerAddress: 1_000, handshakeBurstPerAddress: 1_000, framesPerSecondPerDevice: 100_000 },
    limits: {
      requestsPerSecondPerPne: 10_000,
      requestBurstPerPne: 10_000,
      establishmentsPerSecondPerGateway: 10_000,
      pnsPerGateway: 10_000,
    },
    admin: { requestsPerSecond: 10_000, requestBurst: 10_000 },
  },
  agent: {
    pns: 1_000,
    requestsPerSecondPerLink: 10_000,
    requestBurstPerLink: 10_000,
    handshakesPerSecondPerLink: 1_000,
    handshakeBurstPerLink: 1_000,
    handshakesPerSecondPerAddress: 1_000,
    handshakeBurstPerAddress: 1_000,
  },
} as const;

/** What was set differently from the product's defaults, for a report. */
export const RAISED_LIMITS =
  'Set differently from the defaults: limits on PNs per device and on requests and handshakes per second, loopback as the only network.';

export interface HouseholdOptions {
  /** Server and agents can be asked for their memory. */
  readonly probed?: boolean;
}

export interface HouseholdAgentOptions {
  /** Takes the place of the address in its enrolment. */
  readonly server?: string;
  /** Bluetooth in place of the local network. `prefix`: words that let its process have that adapter. */
  readonly radio?: { readonly address: string; readonly prefix: readonly string[] };
}

const overBluetooth = (adapter: string) => ({ lan: { enabled: false }, ble: { adapter } });

const ROLES = { gateway: LAPTOP, pne: PHONE } as const;

/** A server and agents of one user as processes of their own on loopback, with their state on the disk of the temporary directory. */
export class Household {
  readonly clock: Clock;
  readonly keeper: Keeper;
  /** Where state is kept. */
  readonly directory: string;
  readonly #server: ServerProcess;
  readonly #agents = new Set<AgentProcess>();
  readonly #signal: AbortSignal;
  readonly #probed: boolean;
  #ready: ServerReady | undefined;
  #admin: AdminClient | undefined;

  private constructor(directory: string, keeper: Keeper, clock: Clock, signal: AbortSignal, { probed = false }: HouseholdOptions) {
    this.clock = clock;
    this.keeper = keeper;
    this.directory = directory;
    this.#signal = signal;
    this.#probed = probed;
    this.#server = new ServerProcess({
      id: 'bench',
      directory: join(directory, 'server'),
      config: {
        ...NO_LIMIT.server,
        uplink: { ...NO_LIMIT.server.uplink, host: '127.0.0.1', port: 0, announce: false },
        admin: { ...NO_LIMIT.server.admin, port: 0 },
      },
      probed,
      clock,
      keeper,
    });
  }

  /** `work` with a household whose server runs, and which is gone afterwards; says what its processes said last when `work` fails. */
  static async use<T>(
    { signal, say }: BenchmarkRun,
    work: (household: Household) => Promise<T>,
    options: HouseholdOptions = {},
  ): Promise<T> {
    const household = await Household.#open(signal, options);
    try {
      return await work(household);
    } catch (error) {
      for (const { name, lines } of household.#lastWords()) say([`--- ${name}`, ...lines].join('\n'));
      throw error;
    } finally {
      await household.#close();
    }
  }

  static async #open(signal: AbortSignal, options: HouseholdOptions): Promise<Household> {
    const keeper = new Keeper();
    const directory = await mkdtemp(join(tmpdir(), 'cpns-bench-'));
    keeper.keep({ kind: 'directory', path: directory });
    const household = new Household(directory, keeper, new SystemClock(), signal, options);
    try {
      await household.#server.init();
      household.#ready = await household.#server.start();
      household.#admin = await AdminClient.open(household.#server.stateDirectory, signal);
      await household.#admin.addUser({ userId: OWNER, services: ['pn-gw'], chargeable: false });
    } catch (error) {
      await household.#close();
      throw error;
    }
    return household;
  }

  get server(): ServerReady {
    if (this.#ready === undefined) throw new CpnsError('Internal', 'NotOpen', 'The household is not open.');
    return this.#ready;
  }

  /** A fresh, enrolled agent whose process runs. @throws CpnsError */
  async agent(id: EntityId, role: keyof typeof ROLES, options: HouseholdAgentOptions = {}): Promise<AgentProcess> {
    const { server = this.server.publicAddress, radio } = options;
    const pan = radio === undefined ? { lan: { interfaces: [LOOPBACK] }, ble: { enabled: false } } : overBluetooth(radio.address);
    const code = await this.enrol(id);
    const agent = new AgentProcess({
      id,
      directory: join(this.directory, id),
      config: {
        device: ROLES[role],
        consent: 'same-user',
        pan,
        limits: NO_LIMIT.agent,
      },
      ...(radio !== undefined && { machine: thisMachine(radio.prefix) }),
      probed: this.#probed,
      clock: this.clock,
      keeper: this.keeper,
    });
    this.#agents.add(agent);
    await agent.enrol(encodeEnrolment(nativeProvider, { ...decodeEnrolment(nativeProvider, code), server }));
    await agent.start();
    return agent;
  }

  /** The admin API of the server. */
  get admin(): AdminClient {
    if (this.#admin === undefined) throw new CpnsError('Internal', 'NotOpen', 'The household is not open.');
    return this.#admin;
  }

  /** An enrolment code for a device of the owner. @throws CpnsError */
  async enrol(id: EntityId): Promise<string> {
    const { code } = await this.admin.addDevice({ entityId: id, userId: OWNER });
    return code;
  }

  /** Memory of the server; the household was opened as `probed`. @throws CpnsError */
  serverFigures(): Promise<ProcessFigures> {
    return this.#server.figures();
  }

  /** Ends an agent for good. */
  async dismiss(agent: AgentProcess): Promise<void> {
    this.#agents.delete(agent);
    await agent.stop();
  }

  /** Counters of the server, by name. */
  metrics(): Promise<ReadonlyMap<string, number>> {
    return metricsOf(this.server.adminUrl, this.#signal);
  }

  /** Median time of one small append made durable where the state is kept, ms. */
  async syncMs(): Promise<number> {
    const file = await openFile(join(this.directory, 'sync'), 'w');
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      const startedMs = this.clock.monotonicMs();
      await file.appendFile(Buffer.alloc(512, i));
      await file.datasync();
      times.push(this.clock.monotonicMs() - startedMs);
    }
    await file.close();
    return median(times);
  }

  #lastWords(): { readonly name: string; readonly lines: readonly string[] }[] {
    const all = [{ name: 'server', log: this.#server.log }, ...[...this.#agents].map(({ id, log }) => ({ name: id, log }))];
    return all.map(({ name, log }) => ({ name, lines: log.last(LAST_LINES) }));
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#agents].map((agent) => agent.stop()));
    await this.#server.stop();
    await this.keeper.close();
  }
}
