import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { AdminClient, type WatchItem } from '@cpns/server';
import { type Clock, entityId, userId } from '@cpns/shared';
import { AgentProcess } from '../processes/agent-process.js';
import { Keeper } from '../processes/keeper.js';
import { ServerProcess, type ServerReady } from '../processes/server-process.js';
import { BOARD, LAPTOP, PHONE, type Profile } from '../scenarios/profiles.js';

export const USER = userId('ann');
const LOOPBACK = '127.0.0.1';

/** A device of the demo. */
export interface Actor {
  readonly agent: AgentProcess;
  readonly profile: Profile;
}

/** The server and the three devices, each a process; all of it on loopback and in one directory that goes away with them. */
export class Cast {
  readonly server: ServerProcess;
  readonly phone: Actor;
  readonly laptop: Actor;
  readonly board: Actor;
  /** What the server's operator has been told. */
  readonly atServer: WatchItem[] = [];
  readonly #keeper: Keeper;
  readonly #stop = new AbortController();
  #admin: AdminClient | undefined;

  private constructor(directory: string, keeper: Keeper, clock: Clock) {
    this.#keeper = keeper;
    this.server = new ServerProcess({
      id: 'home',
      directory: join(directory, 'server'),
      config: { uplink: { host: LOOPBACK, port: 0 }, admin: { port: 0 } },
      clock,
      keeper,
    });
    // Another demo may run on this machine, and loopback is one network.
    const own = randomBytes(2).toString('hex').slice(1);
    const actor = (what: string, profile: Profile): Actor => {
      const config = { name: `Ann's ${what}`, device: profile, consent: 'same-user', pan: { lan: { interfaces: loopbackInterfaces() } } };
      const id = entityId(`${what}-${own}`);
      return { agent: new AgentProcess({ id, directory: join(directory, what), config, clock, keeper }), profile };
    };
    this.phone = actor('phone', PHONE);
    this.laptop = actor('laptop', LAPTOP);
    this.board = actor('board', BOARD);
  }

  static async gather(clock: Clock): Promise<Cast> {
    const directory = await mkdtemp(join(tmpdir(), 'cpns-demo-'));
    const keeper = new Keeper();
    keeper.keep({ kind: 'directory', path: directory });
    return new Cast(directory, keeper, clock);
  }

  get devices(): readonly Actor[] {
    return [this.phone, this.laptop, this.board];
  }

  /** The operator's side of the server. Only after {@link startServer}. */
  get admin(): AdminClient {
    if (this.#admin === undefined) throw new Error('the server does not run yet');
    return this.#admin;
  }

  async startServer(): Promise<ServerReady> {
    await this.server.init();
    const ready = await this.server.start();
    const admin = await AdminClient.open(this.server.stateDirectory, this.#stop.signal);
    this.#admin = admin;
    await new Promise<void>((resolve, reject) => {
      const heard = (item: WatchItem) => {
        this.atServer.push(item);
        return false;
      };
      // It ends with the server.
      admin.watch({}, resolve, heard).catch(reject);
    });
    return ready;
  }

  /** Ends every process and removes the directory. Harmless when repeated. */
  async leave(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.devices.map(({ agent }) => agent.stop()));
    await this.server.stop();
    await this.#keeper.close();
  }
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
