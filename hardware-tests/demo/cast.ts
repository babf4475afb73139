import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WatchItem } from '@cpns/server';
import { type Clock, entityId, type UserId, userId } from '@cpns/shared';
import { AgentProcess } from '../processes/agent-process.js';
import { Keeper } from '../processes/keeper.js';
import { thisMachine } from '../processes/machine.js';
import { ServerProcess, type ServerReady } from '../processes/server-process.js';
import { AirRadios } from '../rigs/air/air-radios.js';
import { DirectDesk } from '../rigs/operator-desk.js';
import type { ServerAdmin } from '../rigs/rig.js';
import type { DeviceRadio } from '../rigs/stage-radios.js';
import { BOARD, LAPTOP, PHONE, type Profile } from '../scenarios/profiles.js';

export const ANN = userId('ann');
export const BOB = userId('bob');
const LOOPBACK = '127.0.0.1';

/** How the devices of the demo reach one another. */
export type Medium = 'lan' | 'ble';

/** The stories that can be played. */
export type StoryName = 'household' | 'two-users';
type What = 'phone' | 'laptop' | 'board' | 'den' | 'home';
interface Part {
  readonly user: UserId;
  readonly profile: Profile;
}

/** Who is in each story. */
const COMPANIES: Readonly<Record<StoryName, Readonly<Partial<Record<What, Part>>>>> = {
  household: {
    phone: { user: ANN, profile: PHONE },
    laptop: { user: ANN, profile: LAPTOP },
    board: { user: ANN, profile: BOARD },
  },
  'two-users': {
    den: { user: ANN, profile: LAPTOP },
    home: { user: BOB, profile: LAPTOP },
    phone: { user: BOB, profile: PHONE },
  },
};

interface Scene {
  readonly story: StoryName;
  readonly medium: Medium;
  readonly directory: string;
  readonly keeper: Keeper;
  readonly clock: Clock;
}

/** A device of the demo. */
export interface Actor {
  readonly agent: AgentProcess;
  readonly user: UserId;
  readonly profile: Profile;
  /** Of its Bluetooth adapter, if it has one. */
  readonly bluetooth: string | undefined;
}

/**
 * The server and the devices of a story, each a process; all of it on loopback and in one directory that goes away with them. By Bluetooth
 * the devices have nothing but virtual adapters to reach one another, under the same drivers as real ones.
 */
export class Cast {
  readonly medium: Medium;
  readonly server: ServerProcess;
  readonly #actors: ReadonlyMap<What, Actor>;
  readonly #keeper: Keeper;
  readonly #radios: Radios | undefined;
  readonly #desk: DirectDesk;

  private constructor({ story, medium, directory, keeper, clock }: Scene, radios: Radios | undefined) {
    this.medium = medium;
    this.#keeper = keeper;
    this.#radios = radios;
    this.server = new ServerProcess({
      id: 'home',
      directory: join(directory, 'server'),
      config: { uplink: { host: LOOPBACK, port: 0 }, admin: { port: 0 } },
      clock,
      keeper,
    });
    this.#desk = new DirectDesk(this.server);
    // Another demo may run on this machine, and loopback is one network.
    const own = randomBytes(2).toString('hex').slice(1);
    const pan = { lan: { enabled: medium === 'lan', interfaces: loopbackInterfaces() }, ble: { enabled: medium === 'ble' } };
    const actor = (what: What, { user, profile }: Part): Actor => {
      const config = { name: `${user === ANN ? 'Ann' : 'Bob'}'s ${what}`, device: profile, consent: 'same-user', pan };
      const id = entityId(`${what}-${own}`);
      const radio = radios?.of.get(what);
      const machine = thisMachine(radio?.prefix);
      const agent = new AgentProcess({ id, directory: join(directory, what), config, machine, clock, keeper });
      return { agent, user, profile, bluetooth: radio?.address };
    };
    this.#actors = new Map(partsOf(story).map(([what, part]) => [what, actor(what, part)]));
  }

  static async gather(clock: Clock, story: StoryName, medium: Medium): Promise<Cast> {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-demo-'));
    const keeper = new Keeper();
    keeper.keep({ kind: 'directory', path: directory });
    const scene = { story, medium, directory, keeper, clock };
    return new Cast(scene, medium === 'ble' ? await plugIn(scene) : undefined);
  }

  get devices(): readonly Actor[] {
    return [...this.#actors.values()];
  }

  actor(what: What): Actor {
    const actor = this.#actors.get(what);
    if (actor === undefined) throw new RangeError(`there is no ${what} in this story`);
    return actor;
  }

  /** The operator's side of the server. Only after {@link startServer}. */
  get admin(): ServerAdmin {
    return this.#desk.admin;
  }

  /** What the server's operator has been told. */
  get atServer(): readonly WatchItem[] {
    return this.#desk.heard;
  }

  async startServer(): Promise<ServerReady> {
    await this.server.init();
    const ready = await this.server.start();
    await this.#desk.watch();
    return ready;
  }

  /** Ends every process and removes the directory. Harmless when repeated. */
  async leave(): Promise<void> {
    this.#desk.close();
    await Promise.all(this.devices.map(({ agent }) => agent.stop()));
    await this.server.stop();
    await this.#radios?.air.close();
    await this.#keeper.close();
  }
}

/** A virtual adapter for every device, all in one air. */
interface Radios {
  readonly air: AirRadios;
  readonly of: ReadonlyMap<What, DeviceRadio>;
}

async function plugIn({ story, directory, clock, keeper }: Scene): Promise<Radios> {
  const air = await AirRadios.start({ directory: join(directory, 'air'), clock, keeper });
  const of = new Map<What, DeviceRadio>();
  for (const [what] of partsOf(story)) of.set(what, await air.add(what));
  return { air, of };
}

function partsOf(story: StoryName): [What, Part][] {
  return Object.entries(COMPANIES[story]) as [What, Part][];
}

/** What the system calls its loopback interface. */
function loopbackInterfaces(): string[] {
  try {
    const all = Object.entries(networkInterfaces());
    const names = all.filter(([, addresses]) => addresses?.some(({ internal }) => internal)).map(([name]) => name);
    if (names.length > 0) return names;
  } catch {
    // Android refuses to say.
  }
  return ['lo'];
}
