import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError, entityId } from '@cpns/shared';
import { AgentProcess } from '../../processes/agent-process.js';
import type { Keeper } from '../../processes/keeper.js';
import { LogTail } from '../../processes/log-tail.js';
import { thisMachine } from '../../processes/machine.js';
import { Program } from '../../processes/program.js';
import { ServerProcess } from '../../processes/server-process.js';
import type { Profile } from '../../scenarios/profiles.js';
import { agentConfiguration, SERVER_CONFIGURATION } from '../configuration.js';
import { Operator } from '../operator.js';
import { ProcessDevice } from '../process-device.js';
import { ProcessServer } from '../process-server.js';
import type { Attacker, BuiltStage, DeviceHandle, DeviceSetup, LogOf, Outsiders } from '../rig.js';
import { AdminRelay } from './admin-relay.js';
import { LanAttacker } from './attacker.js';
import { ForeignResolver } from './foreign-resolver.js';
import type { Host, LanNetwork, Segment } from './lan-network.js';
import { Mosquitto } from './mosquitto.js';

/** Where the attacker waits for the device that it has cut off. */
const ATTACKER_PORT = 7400;
const READY_MS = 10_000;
/** MQTT over TLS; the host of the server has no other service. */
const UPLINK_PORT = 8883;

export interface LanStageOptions {
  readonly network: LanNetwork;
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** One stage of the LAN rig: a switch, a server, and what the scenario adds. */
export class LanStage implements BuiltStage {
  readonly clock: Clock;
  readonly server: ProcessServer;
  readonly outsiders: Outsiders;
  readonly #options: LanStageOptions;
  readonly #segment: Segment;
  readonly #logs: { readonly name: string; readonly log: LogTail }[] = [];
  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #operator = new Operator(() => this.server.admin);
  #foreign: Promise<{ resolver: ForeignResolver; mosquitto: Mosquitto }> | undefined;
  readonly #segmentOf = new Map<Attacker, Segment>();

  private constructor(options: LanStageOptions) {
    const { network, directory, clock, keeper } = options;
    this.#options = options;
    this.clock = clock;
    this.#segment = network.segment();
    const host = network.host('server', this.#segment);
    const address = `${host.address}:${UPLINK_PORT}`;
    const server = new ServerProcess({
      id: 'lan-rig',
      directory: join(directory, 'server'),
      config: {
        uplink: { port: UPLINK_PORT, publicAddress: address },
        ...SERVER_CONFIGURATION,
        log: { level: 'debug' },
      },
      machine: thisMachine(host.prefix),
      clock,
      keeper,
    });
    const relayMain = fileURLToPath(new URL('./admin-relay-main.js', import.meta.url));
    const relay = this.#helper('admin relay', host, [relayMain, server.stateDirectory]);
    this.server = new ProcessServer('lan-rig', address, server, new AdminRelay(relay), host);
    this.#logs.push({ name: 'server', log: server.log });
    this.#stops.push(
      () => server.kill(),
      () => relay.kill(),
    );
    this.outsiders = {
      browse: async (type) => (await this.#foreigners()).resolver.browse(type),
      publish: async (attempt, payload) => (await this.#foreigners()).mosquitto.publish(attempt, payload),
      subscribe: async (attempt) => (await this.#foreigners()).mosquitto.subscribe(attempt),
    };
    this.#init = () => server.init();
  }

  readonly #init: () => Promise<void>;

  static async build(options: LanStageOptions): Promise<LanStage> {
    const stage = new LanStage(options);
    try {
      await stage.#init();
      await stage.server.start();
      return stage;
    } catch (error) {
      await stage.dispose();
      throw error;
    }
  }

  async device(name: string, setup: DeviceSetup = {}): Promise<DeviceHandle> {
    const { network, directory, clock, keeper } = this.#options;
    const id = entityId(name);
    const code = await this.#operator.enrol(name, setup.user);
    const host = network.host(name, this.#segmentFor(setup.behind));
    const config = (profile: Profile) => ({
      ...agentConfiguration(setup, profile),
      pan: {
        lan: { interfaces: ['eth0'], ...(setup.behind !== undefined && { peers: [setup.behind.address] }) },
        ble: { enabled: false },
      },
      log: { level: 'debug' },
    });
    const profile = setup.profile ?? {};
    const machine = thisMachine(host.prefix);
    const agent = new AgentProcess({ id, directory: join(directory, name), config: config(profile), machine, clock, keeper });
    this.#logs.push({ name, log: agent.log });
    this.#stops.push(() => agent.kill());
    await agent.enrol(setup.spoilCode?.(code) ?? code);
    await agent.start();
    return new ProcessDevice(agent, config, host);
  }

  async attacker(): Promise<Attacker> {
    const { network } = this.#options;
    const beyond = network.segment();
    const inside = network.host('mallory', this.#segment);
    const outside = network.attach(inside.namespace, beyond, 'eth1');
    const main = fileURLToPath(new URL('./attacker-main.js', import.meta.url));
    const program = this.#helper('attacker', inside, [main, outside.address, String(ATTACKER_PORT)]);
    this.#stops.push(() => program.kill());
    await program.line((line) => (line.includes('listening') ? true : undefined), READY_MS);
    const attacker = new LanAttacker(program, `${outside.address}:${ATTACKER_PORT}`, `${this.#segment.subnet}.`);
    this.#segmentOf.set(attacker, beyond);
    return attacker;
  }

  tell(story: () => Promise<void>): Promise<void> {
    return story();
  }

  logs(): readonly LogOf[] {
    return this.#logs.map(({ name, log }) => ({ name, lines: log.last() }));
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.#stops.map((stop) => stop()));
  }

  #segmentFor(attacker: Attacker | undefined): Segment {
    if (attacker === undefined) return this.#segment;
    const segment = this.#segmentOf.get(attacker);
    if (segment === undefined) throw new CpnsError('Internal', 'UnknownAttacker', 'That attacker belongs to another stage.');
    return segment;
  }

  #foreigners(): Promise<{ resolver: ForeignResolver; mosquitto: Mosquitto }> {
    this.#foreign ??= this.#bringForeigners();
    return this.#foreign;
  }

  async #bringForeigners(): Promise<{ resolver: ForeignResolver; mosquitto: Mosquitto }> {
    const { network, directory, clock, keeper } = this.#options;
    const host = network.host('outsider', this.#segment);
    const resolver = new ForeignResolver(host, join(directory, 'outsider'), clock, keeper);
    const mosquitto = new Mosquitto(host, this.server.address, clock, keeper);
    this.#logs.push({ name: 'avahi', log: resolver.log }, { name: 'mosquitto', log: mosquitto.log });
    this.#stops.push(() => resolver.stop());
    await resolver.start();
    return { resolver, mosquitto };
  }

  /** A process of ours on a host that talks JSON lines. */
  #helper(name: string, host: Host, args: readonly string[]): Program {
    const { clock, keeper } = this.#options;
    const log = new LogTail();
    this.#logs.push({ name, log });
    return new Program({ name, command: [...host.prefix, process.execPath, ...args], clock, keeper, log, quiet: true });
  }
}
