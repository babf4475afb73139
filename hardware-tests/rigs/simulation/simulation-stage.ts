import { defaultSettings, EmbeddedBroker } from '@cpns/server';
import { entityId, type HostPort } from '@cpns/shared';
import { logFields } from '@cpns/shared/node';
import { InsecureSeededEntropy, type LogLine, type MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { SERVER_CONFIGURATION } from '../configuration.js';
import { Operator } from '../operator.js';
import type { Attacker, BuiltStage, DeviceHandle, DeviceSetup, LogOf, Outsiders } from '../rig.js';
import { SimulatedAir } from './air.js';
import { Cable } from './cable.js';
import { ForeignClient } from './foreign-client.js';
import { ForeignResolver } from './foreign-resolver.js';
import { HeldTime } from './held-time.js';
import { Multicast, type MulticastHost } from './multicast.js';
import { RadioRoom } from './radio-room.js';
import { SimulatedServer } from './server.js';
import { SimulatedServerHandle } from './server-handle.js';
import { SimulatedAgent } from './simulated-agent.js';
import { SimulatedAttacker } from './simulated-attacker.js';

const UPLINK_PORT = 8883;
const PAN_PORT = 7400;
/** No story takes longer, in virtual time. */
const LONGEST_MS = 600_000;
const ROOM = 'room';
/** The last lines of each party that a failed story shows. */
const MOST_LINES = 400;

/** One simulated network: a server, and what the scenario adds. */
export class SimulationStage implements BuiltStage {
  readonly clock: VirtualClock;
  readonly server: SimulatedServerHandle;
  readonly outsiders: Outsiders;
  readonly #time = new HeldTime();
  readonly #air: SimulatedAir;
  readonly #multicast: Multicast;
  readonly #radios: RadioRoom;
  readonly #simulated: SimulatedServer;
  readonly #broker: EmbeddedBroker;
  readonly #serverCable = new Cable();
  readonly #operator = new Operator(() => this.server.admin);
  readonly #foreignClient: ForeignClient;
  readonly #agents: SimulatedAgent[] = [];
  readonly #attackers = new Map<Attacker, SimulatedAttacker>();
  readonly #beganMs: number;
  #hosts = 0;
  #brokerAddress: Promise<HostPort> | undefined;

  constructor() {
    const clock = new VirtualClock({ turn: this.#time.turn });
    this.clock = clock;
    this.#beganMs = clock.monotonicMs();
    this.#air = new SimulatedAir(clock);
    this.#multicast = new Multicast(clock);
    this.#radios = new RadioRoom(clock);
    const host = this.#host(this.#serverCable, ROOM);
    this.#simulated = new SimulatedServer(clock, { ...SERVER_CONFIGURATION, address: `${host.address}:${UPLINK_PORT}` });
    this.#broker = new EmbeddedBroker({
      settings: { ...defaultSettings().uplink, host: '127.0.0.1', port: 0 },
      directory: this.#simulated.keys,
      clock,
      entropy: new InsecureSeededEntropy('broker'),
      logger: this.#simulated.logger.child('broker'),
    });
    const brokerStats = () => this.#broker.stats();
    this.server = new SimulatedServerHandle({ server: this.#simulated, clock, multicast: this.#multicast, host, brokerStats });
    this.#foreignClient = new ForeignClient(() => this.#listen(), this.#time);
    const resolver = new ForeignResolver(this.#multicast, this.#host(new Cable(), ROOM), clock);
    this.outsiders = {
      browse: (type) => resolver.browse(type),
      publish: (attempt, payload) => this.#foreignClient.publish(attempt, payload),
      subscribe: (attempt) => this.#foreignClient.subscribe(attempt),
    };
  }

  static async build(): Promise<SimulationStage> {
    const stage = new SimulationStage();
    await stage.clock.run(stage.server.start());
    return stage;
  }

  async device(name: string, setup: DeviceSetup = {}): Promise<DeviceHandle> {
    const id = entityId(name);
    const code = await this.#operator.enrol(name, setup.user);
    const attacker = setup.behind && this.#attackers.get(setup.behind);
    const host = this.#host(new Cable(), attacker?.room ?? ROOM);
    const agent = new SimulatedAgent({
      id,
      setup,
      host,
      address: `${host.address}:${PAN_PORT}`,
      peers: attacker === undefined ? [] : [attacker.address],
      air: this.#air,
      multicast: this.#multicast,
      radios: this.#radios,
      clock: this.clock,
      uplink: (kTls) => this.#simulated.uplink(id, kTls),
      // Whoever is behind an attacker has no way of its own to the server.
      cables: [host.cable, this.#serverCable, ...(attacker === undefined ? [] : [new Cable(false)])],
      serverAddress: this.server.address,
    });
    this.#agents.push(agent);
    await agent.enrol(setup.spoilCode?.(code) ?? code);
    await agent.start();
    return agent;
  }

  async attacker(): Promise<Attacker> {
    const { address } = this.#host(new Cable(), ROOM);
    const attacker = new SimulatedAttacker(`mallory-${this.#attackers.size + 1}`, `${address}:${PAN_PORT}`, this.#air, this.clock);
    this.#attackers.set(attacker, attacker);
    return attacker;
  }

  tell(story: () => Promise<void>): Promise<void> {
    return this.clock.run(story(), LONGEST_MS);
  }

  logs(): readonly LogOf[] {
    const logs = [this.#log('server', this.#simulated.logger), ...this.#agents.map(({ id, logger }) => this.#log(id, logger))];
    return this.#foreignClient.lines.length === 0 ? logs : [...logs, { name: 'foreign client', lines: this.#foreignClient.lines }];
  }

  async dispose(): Promise<void> {
    for (const agent of this.#agents) await agent.kill();
    await this.#broker.stop();
    await this.server.kill();
    await this.#simulated.stop();
  }

  /** The broker begins to listen with the first outsider: the devices of this stage need no sockets. */
  #listen(): Promise<HostPort> {
    this.#brokerAddress ??= this.#broker.start(this.#simulated.enabler);
    return this.#brokerAddress;
  }

  #host(cable: Cable, room: string): MulticastHost {
    return { address: `10.77.0.${++this.#hosts}`, cable, room };
  }

  #log(name: string, { lines }: MemoryLogger): LogOf {
    const text = ({ atMs = 0, level, component, message, fields }: LogLine) => {
      const at = ((atMs - this.#beganMs) / 1000).toFixed(3).padStart(8);
      return `${at} ${level.padEnd(6)} ${component === '' ? message : `${component}: ${message}`} ${JSON.stringify(logFields(fields))}`;
    };
    return { name, lines: lines.slice(-MOST_LINES).map(text) };
  }
}
