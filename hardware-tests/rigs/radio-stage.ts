import { join } from 'node:path';
import { type Clock, CpnsError, entityId } from '@cpns/shared';
import { AgentProcess } from '../processes/agent-process.js';
import type { Keeper } from '../processes/keeper.js';
import type { LogTail } from '../processes/log-tail.js';
import { thisMachine } from '../processes/machine.js';
import { ServerProcess } from '../processes/server-process.js';
import type { Profile } from '../scenarios/profiles.js';
import { NO_CABLE } from './cable.js';
import { agentConfiguration, agentFiles, SERVER_CONFIGURATION } from './configuration.js';
import { Operator } from './operator.js';
import { DirectDesk } from './operator-desk.js';
import { ProcessDevice } from './process-device.js';
import { ProcessServer } from './process-server.js';
import type { Attacker, BuiltStage, DeviceHandle, DeviceSetup, LogOf, Outsiders } from './rig.js';
import type { StageRadios } from './stage-radios.js';

export interface RadioStageOptions {
  readonly radios: StageRadios;
  readonly directory: string;
  /** Of the server on the loopback interface. */
  readonly uplinkPort: number;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

const LOOPBACK = '127.0.0.1';

const missing = () => Promise.reject(new CpnsError('Internal', 'NoOutsiders', 'This rig has no tools of others.'));

/** A stage whose devices know one another over Bluetooth alone: real processes, the server on this computer. */
export class RadioStage implements BuiltStage {
  readonly clock: Clock;
  readonly server: ProcessServer;
  readonly outsiders: Outsiders = { browse: missing, publish: missing, subscribe: missing };
  readonly #options: RadioStageOptions;
  readonly #serverProcess: ServerProcess;
  readonly #logs: { readonly name: string; readonly log: LogTail }[] = [];
  readonly #stops: (() => unknown)[] = [];
  readonly #operator = new Operator(() => this.server.admin);

  private constructor(options: RadioStageOptions) {
    const { directory, uplinkPort, clock, keeper } = options;
    this.#options = options;
    this.clock = clock;
    const address = `${LOOPBACK}:${uplinkPort}`;
    const config = {
      uplink: { host: LOOPBACK, port: uplinkPort, publicAddress: address, announce: false },
      admin: { port: 0 },
      ...SERVER_CONFIGURATION,
      log: { level: 'debug' },
    };
    const server = new ServerProcess({ id: 'radio-rig', directory: join(directory, 'server'), config, clock, keeper });
    const desk = new DirectDesk(server);
    this.#serverProcess = server;
    this.server = new ProcessServer('radio-rig', address, server, desk);
    this.#logs.push({ name: 'server', log: server.log });
    this.#stops.push(
      () => desk.close(),
      () => server.kill(),
    );
  }

  static async build(options: RadioStageOptions): Promise<RadioStage> {
    const stage = new RadioStage(options);
    try {
      await stage.#serverProcess.init();
      await stage.server.start();
      return stage;
    } catch (error) {
      await stage.dispose();
      throw error;
    }
  }

  async device(name: string, setup: DeviceSetup = {}): Promise<DeviceHandle> {
    const { radios, directory, clock, keeper } = this.#options;
    const id = entityId(name);
    const [radio, code] = await Promise.all([radios.add(name), this.#operator.enrol(name, setup.user)]);
    const own = join(directory, name);
    const files = agentFiles(setup, own);
    const config = (profile: Profile) => ({
      ...agentConfiguration(setup, profile, own),
      pan: { lan: { enabled: false }, ble: { adapter: radio.address } },
      log: { level: 'debug' },
    });
    const machine = thisMachine(radio.prefix);
    const agent = new AgentProcess({ id, directory: own, config: config(setup.profile ?? {}), files, machine, clock, keeper });
    this.#logs.push({ name, log: agent.log });
    this.#stops.push(() => agent.kill());
    await agent.enrol(setup.spoilCode?.(code) ?? code);
    await agent.start();
    return new ProcessDevice(agent, config, NO_CABLE, radio);
  }

  attacker(): Promise<Attacker> {
    return Promise.reject(new CpnsError('Internal', 'NoAttacker', 'This rig lets nobody sit on a link.'));
  }

  tell(story: () => Promise<void>): Promise<void> {
    return story();
  }

  logs(): readonly LogOf[] {
    return [...this.#logs.map(({ name, log }) => ({ name, lines: log.last() })), ...this.#options.radios.logs()];
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.#stops.map(async (stop) => stop()));
    await this.#options.radios.close();
  }
}
