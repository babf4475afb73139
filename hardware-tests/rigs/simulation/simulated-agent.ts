import { duplexPair } from 'node:stream';
import {
  AgentRun,
  AgentState,
  type BleTechnology,
  ControlClient,
  ControlConnection,
  type ControlEvent,
  type ControlMethod,
  type ControlParams,
  type ControlResult,
  Device,
  DeviceRun,
  type DeviceState,
  type defaultSettings,
  deviceControl,
  HappeningFeed,
  type Host,
  LogMemory,
  type RequestOptions,
  readDeviceFacts,
  requireEnrolment,
  rootOf,
  settingsSchema,
  type Uplink,
} from '@cpns/agent';
import { type Clock, CpnsError, decodeEnrolment, type EntityId, type Entropy, type Logger, StoppableClock } from '@cpns/shared';
import { nativeProvider, parseSettings } from '@cpns/shared/node';
import type { Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, MemoryStore } from '@cpns/shared/testing';
import { hear } from '../../processes/hear.js';
import type { Profile } from '../../scenarios/profiles.js';
import { agentConfiguration } from '../configuration.js';
import { type Received, receivedIn } from '../received.js';
import type { DeviceHandle, DeviceSetup } from '../rig.js';
import type { SimulatedAir } from './air.js';
import { Cable } from './cable.js';
import { CabledUplink } from './cabled-uplink.js';
import { MemoryContents } from './memory-contents.js';
import type { Multicast, MulticastHost, SimulatedNetwork } from './multicast.js';
import type { RadioRoom } from './radio-room.js';
import { SimulatedLan } from './simulated-lan.js';

const VERSION = 'simulated';

/** A computer of which nothing is found out: the profile says it all. */
const HOST: Host = {
  platform: 'aix',
  env: {},
  sysRoot: '/',
  procRoot: '/',
  terminal: false,
  cores: 4,
  memoryOctets: 4_294_967_296,
  interfaces: () => [],
  run: async () => undefined,
};

export interface SimulatedAgentOptions {
  readonly id: EntityId;
  readonly setup: DeviceSetup;
  /** `HOST:PORT` at which others dial it. */
  readonly address: string;
  readonly host: MulticastHost;
  readonly peers: readonly string[];
  readonly air: SimulatedAir;
  readonly multicast: Multicast;
  readonly radios: RadioRoom;
  readonly clock: Clock;
  /** The way to the server while every cable is plugged in. */
  readonly uplink: (kTls: Secret) => Uplink;
  /** Between the device and the server. */
  readonly cables: readonly Cable[];
  readonly serverAddress: string;
}

/** One run of an agent, from its start to its end. */
interface Run {
  readonly client: ControlClient;
  stop(): Promise<void>;
  kill(): void;
}

/** A device and what it stands on. */
interface Adapters {
  readonly run: DeviceRun;
  readonly die: () => void;
  readonly uplink: CabledUplink;
}

interface DeviceInput {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: ReturnType<typeof defaultSettings>;
  readonly logger: Logger;
  readonly feed: HappeningFeed;
  readonly state: DeviceState;
  readonly network: SimulatedNetwork;
  readonly bootCounter: number;
}

/** An agent in this process: everything of a real one but its sockets and its disk, asked through its control API. */
export class SimulatedAgent implements DeviceHandle {
  readonly id: EntityId;
  readonly heard: ControlEvent<'watch'>[] = [];
  readonly logger: MemoryLogger;
  readonly #options: SimulatedAgentOptions;
  readonly #range = new Cable();
  #store = new MemoryStore();
  #profile: Profile;
  #runs = 0;
  #run: Run | undefined;

  constructor(options: SimulatedAgentOptions) {
    this.#options = options;
    this.id = options.id;
    this.logger = new MemoryLogger('', [], options.clock);
    this.#profile = options.setup.profile ?? {};
  }

  /** @throws CpnsError as `cpns-agent enrol` */
  get received(): readonly Received[] {
    return receivedIn(this.logger.lines);
  }

  async enrol(code: string): Promise<void> {
    await new AgentState(this.#store).enrol(decodeEnrolment(nativeProvider, code), false);
  }

  async start(): Promise<void> {
    this.#run = await this.#begin();
    await hear(this.#run.client, this.heard);
  }

  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    await run?.stop();
  }

  async kill(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    run?.kill();
    this.#store = this.#store.crash();
  }

  async request<M extends ControlMethod>(method: M, params: ControlParams<M>, options?: RequestOptions<M>): Promise<ControlResult<M>> {
    if (this.#run === undefined) throw new CpnsError('State', 'AgentNotRunning', `The agent of ${this.id} is not running.`);
    return this.#run.client.request(method, params, options);
  }

  async become(profile: Profile): Promise<void> {
    this.#profile = profile;
  }

  async unplug(): Promise<void> {
    this.#options.host.cable.unplug();
  }

  async plug(): Promise<void> {
    this.#options.host.cable.plug();
  }

  async jam(): Promise<void> {
    this.#range.unplug();
  }

  async unjam(): Promise<void> {
    this.#range.plug();
  }

  async #begin(): Promise<Run> {
    const { id, setup, multicast, host } = this.#options;
    const clock = new StoppableClock(this.#options.clock);
    const settings = parseSettings(settingsSchema, JSON.stringify(agentConfiguration(setup, this.#profile)), 'the rig');
    const logs = new LogMemory(clock);
    const logger = logs.over(this.logger);
    const feed = new HappeningFeed(clock);
    const state = new AgentState(this.#store);
    const network = multicast.network(host);
    const entropy = new InsecureSeededEntropy(`${id}, start ${++this.#runs}`);
    let adapters: Adapters | undefined;
    const makeDevice = async (bootCounter: number) => {
      const made = await this.#makeDevice({ clock, entropy, settings, logger, feed, state: state.state, network, bootCounter });
      adapters = made;
      return made.run;
    };
    const agent = await AgentRun.start({ clock, logger, state, makeDevice });
    const end = () => this.stop();
    agent.ended(new AbortController().signal).then(end, end);
    const control = deviceControl({
      clock,
      version: VERSION,
      name: id,
      settings,
      startedAtMs: clock.monotonicMs(),
      feed,
      logs,
      current: () => agent.current,
      doctor: async () => {
        throw new CpnsError('State', 'Simulated', 'There is no computer around a simulated agent to be examined.');
      },
      reset: (everything) => agent.reset(everything),
      stop: () => agent.end(),
    });
    const [near, far] = duplexPair();
    new ControlConnection(far, { agent: control, clock, logger });
    // The program that asks is another one: its time goes on when the agent is gone.
    const client = new ControlClient(near, this.#options.clock);
    const hangUp = () => {
      near.destroy();
      far.destroy();
    };
    return {
      client,
      stop: async () => {
        hangUp();
        await agent.stop();
        clock.stop();
      },
      kill: () => {
        clock.stop();
        adapters?.die();
        void adapters?.uplink.stop();
        hangUp();
      },
    };
  }

  async #makeDevice({ clock, entropy, settings, logger, feed, state, network, bootCounter }: DeviceInput): Promise<Adapters> {
    const { id, setup, cables, serverAddress, uplink: wayToServer } = this.#options;
    const enrolment = requireEnrolment(state.enrolment);
    const root = rootOf(enrolment);
    const readFacts = () => readDeviceFacts(HOST, settings.device);
    const facts = await readFacts();
    const { pan = ['lan'] } = setup;
    const lan = pan.includes('lan') ? this.#makeLan({ clock, entropy, logger, state, network }) : undefined;
    const ble = pan.includes('ble') ? this.#makeBluetooth({ clock, entropy, logger, state }) : undefined;
    const technologies = [lan, ble].filter((one) => one !== undefined);
    const uplink = new CabledUplink({ inner: wayToServer(root.kTls), clock, cables, address: serverAddress });
    const device = new Device({
      identity: { id, root, idServer: enrolment.serverId, subscription: enrolment.subscription },
      provider: nativeProvider,
      clock,
      entropy,
      logger: logger.child('device'),
      state,
      settings: { ...settings, consent: setup.consent ?? 'same-user' },
      facts,
      technologies,
      uplink,
      contents: new MemoryContents(setup.contents ?? []),
      bootCounter,
      happened: (what) => {
        logger.info(what.text, { happened: what.type });
        feed.happened(what);
      },
      received: (message) => feed.received(message),
    });
    // The address of the server is known: nothing looks for it.
    const discovery = { stop: async () => {} };
    return {
      run: new DeviceRun({ clock, logger, device, technologies, lan, uplink, discovery, root, facts, readFacts }),
      die: () => {
        lan?.die();
        if (ble !== undefined) this.#options.radios.vanish(id);
      },
      uplink,
    };
  }

  #makeLan({
    clock,
    entropy,
    logger,
    state,
    network,
  }: Pick<DeviceInput, 'clock' | 'entropy' | 'logger' | 'state' | 'network'>): SimulatedLan {
    const { id, address, host, air } = this.#options;
    const remembered = [...state.pairings().values()].flatMap((pairing) => pairing.addresses ?? []);
    const peers = [...this.#options.peers, ...remembered];
    return new SimulatedLan({ id, address, host, network, air, clock, entropy, logger, peers });
  }

  #makeBluetooth({ clock, entropy, logger, state }: Pick<DeviceInput, 'clock' | 'entropy' | 'logger' | 'state'>): BleTechnology {
    const { id, radios } = this.#options;
    return radios.technology({ id, clock, entropy, logger, provider: nativeProvider, state, range: this.#range });
  }
}
