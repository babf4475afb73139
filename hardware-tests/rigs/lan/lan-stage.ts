import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError, decodeEnrolment, entityId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { AgentProcess } from '../../processes/agent-process.js';
import type { Keeper } from '../../processes/keeper.js';
import { KeyLog, type NamedSecret } from '../../processes/key-log.js';
import { LogTail } from '../../processes/log-tail.js';
import { type Machine, thisMachine } from '../../processes/machine.js';
import { Program } from '../../processes/program.js';
import { ServerProcess } from '../../processes/server-process.js';
import type { Profile } from '../../scenarios/profiles.js';
import { CheckFailed } from '../../scenarios/scenario.js';
import type { Cable } from '../cable.js';
import { agentConfiguration, agentFiles, SERVER_CONFIGURATION } from '../configuration.js';
import { Operator } from '../operator.js';
import { ProcessDevice } from '../process-device.js';
import { ProcessServer } from '../process-server.js';
import type { AirHandle, Attacker, BuiltStage, DeviceHandle, DeviceSetup, LogOf, Outsiders } from '../rig.js';
import type { DeviceRadio, StageRadios } from '../stage-radios.js';
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
  /** With them the devices have Bluetooth, and the local network only where a scenario says so. */
  readonly radios?: StageRadios;
}

/** One stage of the LAN rig: a switch, a server, and what the scenario adds. */
export class LanStage implements BuiltStage {
  readonly clock: Clock;
  readonly patience = 3;
  readonly server: ProcessServer;
  readonly outsiders: Outsiders;
  readonly air?: AirHandle;
  readonly #options: LanStageOptions;
  /** Where the air is searched for keys. */
  readonly #keyLog: KeyLog | undefined;
  readonly #euKeys: NamedSecret[] = [];
  readonly #segment: Segment;
  readonly #logs: { readonly name: string; readonly log: LogTail }[] = [];
  readonly #stops: (() => Promise<unknown>)[] = [];
  readonly #devices: DeviceHandle[] = [];
  readonly #operator = new Operator(() => this.server.admin);
  #foreign: Promise<{ resolver: ForeignResolver; mosquitto: Mosquitto }> | undefined;
  readonly #segmentOf = new Map<Attacker, Segment>();

  private constructor(options: LanStageOptions, keyLog: KeyLog | undefined) {
    const { network, directory, clock, keeper, radios } = options;
    this.#options = options;
    this.#keyLog = keyLog;
    this.clock = clock;
    if (radios?.air !== undefined) this.air = radios.air;
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
      machine: this.#machine('server', host.prefix),
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
    const { directory, radios } = options;
    const keyLog = radios?.verify === undefined ? undefined : await KeyLog.open(join(directory, 'keys'));
    const stage = new LanStage(options, keyLog);
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
    const { network, directory, clock, keeper, radios } = this.#options;
    const id = entityId(name);
    const code = await this.#operator.enrol(name, setup.user);
    const typed = setup.spoilCode?.(code) ?? code;
    this.#keep(name, code, typed);
    const host = network.host(name, this.#segmentFor(setup.behind));
    const pan = setup.pan ?? [radios === undefined ? 'lan' : 'ble'];
    const radio = pan.includes('ble') ? await radios?.add(name, setup.behind) : undefined;
    const lan = {
      enabled: pan.includes('lan'),
      interfaces: ['eth0'],
      ...(setup.behind !== undefined && pan.includes('lan') && { peers: [setup.behind.address] }),
    };
    const own = join(directory, name);
    const files = agentFiles(setup, own);
    const config = (profile: Profile) => ({
      ...agentConfiguration(setup, profile, own),
      pan: { lan, ble: { enabled: radio !== undefined, ...(radio !== undefined && { adapter: radio.address }) } },
      log: { level: 'debug' },
    });
    const profile = setup.profile ?? {};
    const machine = this.#machine(name, [...host.prefix, ...(radio?.prefix ?? [])]);
    const agent = new AgentProcess({ id, directory: own, config: config(profile), files, machine, clock, keeper });
    this.#logs.push({ name, log: agent.log });
    this.#stops.push(() => agent.kill());
    await agent.enrol(typed);
    await agent.start();
    const device = new ProcessDevice(agent, config, cableOf(host, pan.includes('lan') ? undefined : radio), radio);
    this.#devices.push(device);
    return device;
  }

  async attacker(): Promise<Attacker> {
    const { network, radios } = this.#options;
    if (radios?.attacker !== undefined) return radios.attacker();
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

  async tell(story: () => Promise<void>): Promise<void> {
    await story();
    const keys = await this.#keyLog?.keys();
    if (keys === undefined) return;
    if (keys.length === 0) throw new CheckFailed('nobody has written down a key');
    await this.#options.radios?.verify?.([...this.#payloads(), ...this.#euKeys, ...keys]);
  }

  logs(): readonly LogOf[] {
    return [...this.#logs.map(({ name, log }) => ({ name, lines: log.last() })), ...(this.#options.radios?.logs() ?? [])];
  }

  async dispose(): Promise<void> {
    await Promise.allSettled(this.#stops.map((stop) => stop()));
    await this.#options.radios?.close();
  }

  /** Where a program of that name runs; what keys it uses is seen where the air is searched for them. */
  #machine(name: string, prefix: readonly string[]): Machine {
    const log = this.#keyLog;
    return thisMachine([...prefix, ...(log?.prefix(name) ?? [])], log?.nodeArguments() ?? []);
  }

  /** A device and its server keep what is made of an EUKey, but not itself. */
  #keep(name: string, ...codes: readonly string[]): void {
    if (this.#keyLog === undefined) return;
    for (const code of codes) {
      const { euKey } = decodeEnrolment(nativeProvider, code);
      this.#euKeys.push({ what: `the EUKey of ${name}`, octets: euKey.reveal() });
    }
  }

  /** What applications have said to one another, as far as it arrived. */
  #payloads(): NamedSecret[] {
    const atDevices = this.#devices.flatMap(({ heard }) => heard.flatMap((event) => (event.type === 'message' ? event.payload : [])));
    const atServer = this.server.heard.flatMap((item) => (item.kind === 'data' ? item.payload : []));
    return [...atDevices, ...atServer].map((payload) => {
      const octets = Buffer.from(payload, 'base64');
      return { what: JSON.stringify(octets.toString('latin1')), octets };
    });
  }

  #segmentFor(attacker: Attacker | undefined): Segment {
    if (attacker === undefined || this.#options.radios !== undefined) return this.#segment;
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

/** A device that has its radio alone is out of range of the others, too, when its cable is pulled. */
function cableOf(host: Host, radio: DeviceRadio | undefined): Cable {
  if (radio === undefined) return host;
  return {
    unplug: () => {
      host.unplug();
      return radio.jam();
    },
    plug: () => {
      host.plug();
      return radio.unjam();
    },
  };
}
