import { join } from 'node:path';
import { type Clock, CpnsError, describeError, entityId, parseHostPort } from '@cpns/shared';
import { AgentProcess } from '../../processes/agent-process.js';
import type { Keeper } from '../../processes/keeper.js';
import type { LogTail } from '../../processes/log-tail.js';
import { ServerProcess } from '../../processes/server-process.js';
import type { Profile } from '../../scenarios/profiles.js';
import { agentConfiguration, agentFiles, SERVER_CONFIGURATION } from '../configuration.js';
import { Operator } from '../operator.js';
import { DirectDesk } from '../operator-desk.js';
import { ProcessDevice } from '../process-device.js';
import { ProcessServer } from '../process-server.js';
import { type Attacker, type BuiltStage, type DeviceHandle, type DeviceSetup, type LogOf, NotPlayable, type Outsiders } from '../rig.js';
import type { BenchHost } from './bench-host.js';
import type { Technology } from './bench-settings.js';

const ID_SERVER = 'bench';

export interface BenchStageOptions {
  /** The first device of a scenario is played by the first of these, and so on. */
  readonly cast: readonly BenchHost[];
  readonly technology: Technology;
  /** Where the server runs; undefined: on this computer. */
  readonly serverHost: BenchHost | undefined;
  /** `HOST:PORT` at which devices reach it. */
  readonly serverAddress: string;
  readonly number: number;
  /** On this computer. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

const refuse = (what: string) => async () => {
  throw new CpnsError('Internal', 'NotOffered', `The rig "bench" has no ${what}.`);
};

/** One stage of the bench: a new server, and a newly enrolled agent on each host that the scenario needs. */
export class BenchStage implements BuiltStage {
  readonly clock: Clock;
  readonly server: ProcessServer;
  readonly outsiders: Outsiders = { browse: refuse('dns-sd'), publish: refuse('mqtt'), subscribe: refuse('mqtt') };
  readonly attacker: () => Promise<Attacker> = refuse('attacker');
  readonly #options: BenchStageOptions;
  readonly #waiting: BenchHost[];
  readonly #operator = new Operator(() => this.server.admin);
  readonly #logs: { readonly name: string; readonly log: LogTail }[] = [];
  readonly #stops: (() => Promise<unknown>)[] = [];

  private constructor(options: BenchStageOptions, process: ServerProcess) {
    this.#options = options;
    this.#waiting = [...options.cast];
    this.clock = options.clock;
    const desk = new DirectDesk(process);
    this.server = new ProcessServer(ID_SERVER, options.serverAddress, process, desk);
    this.#logs.push({ name: 'server', log: process.log });
    this.#stops.push(async () => desk.close(), process.kill.bind(process));
  }

  static async build(options: BenchStageOptions): Promise<BenchStage> {
    const { serverHost, serverAddress, directory, number, clock, keeper } = options;
    const process = new ServerProcess({
      id: ID_SERVER,
      directory: serverHost === undefined ? join(directory, `server-${number}`) : `${serverHost.directory}/${number}/server`,
      config: {
        ...SERVER_CONFIGURATION,
        uplink: { port: parseHostPort(serverAddress).port, publicAddress: serverAddress },
        admin: { port: 0 },
        log: { level: 'debug' },
      },
      ...(serverHost !== undefined && { machine: serverHost.machine }),
      clock,
      keeper,
    });
    const stage = new BenchStage(options, process);
    try {
      await process.init();
      await stage.server.start();
      return stage;
    } catch (error) {
      await stage.dispose();
      throw error;
    }
  }

  async device(name: string, setup: DeviceSetup = {}): Promise<DeviceHandle> {
    const { cast, technology, number, clock, keeper } = this.#options;
    const host = this.#waiting.shift();
    if (host === undefined) throw new NotPlayable(`It needs more than the ${cast.length} devices that the bench has for it.`);
    const other = setup.pan?.find((wanted) => wanted !== technology);
    if (other !== undefined) throw new NotPlayable(`It needs ${other} beside ${technology}, and the bench plays one after the other.`);
    const directory = `${host.directory}/${number}/${name}`;
    const files = agentFiles(setup, directory);
    const config = (profile: Profile) => ({
      ...agentConfiguration(setup, profile, directory),
      pan: host.pan(technology),
      log: { level: 'debug' },
    });
    const profile = setup.profile ?? {};
    const agent = new AgentProcess({ id: entityId(name), directory, config: config(profile), files, machine: host.machine, clock, keeper });
    this.#logs.push({ name: `${name} on ${host.name}`, log: agent.log });
    this.#stops.push(() => agent.kill());
    const code = await this.#operator.enrol(name, setup.user);
    await agent.enrol(setup.spoilCode?.(code) ?? code);
    await agent.start();
    const device = new ProcessDevice(agent, config);
    device.jam = async () => {
      throw new NotPlayable('Nobody at the desk takes a device out of range.');
    };
    return device;
  }

  tell(story: () => Promise<void>): Promise<void> {
    return story();
  }

  logs(): readonly LogOf[] {
    return this.#logs.map(({ name, log }) => ({ name, lines: log.last() }));
  }

  async dispose(): Promise<void> {
    const { cast, serverHost, number } = this.#options;
    await Promise.allSettled(this.#stops.map((stop) => stop()));
    const hosts = new Set([...cast, ...(serverHost === undefined ? [] : [serverHost])]);
    // Whatever is wrong with a host shows in the next stage.
    await Promise.all([...hosts].map((host) => host.remove(`${host.directory}/${number}`).catch(describeError)));
  }
}
