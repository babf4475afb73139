import { randomBytes } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { WatchItem } from '@cpns/server';
import { type Clock, entityId, userId } from '@cpns/shared';
import { AgentProcess } from '../processes/agent-process.js';
import { Keeper } from '../processes/keeper.js';
import { ServerProcess, type ServerReady } from '../processes/server-process.js';
import { DirectDesk } from '../rigs/operator-desk.js';
import type { ServerAdmin } from '../rigs/rig.js';
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
  readonly #keeper: Keeper;
  readonly #desk: DirectDesk;

  private constructor(directory: string, keeper: Keeper, clock: Clock) {
    this.#keeper = keeper;
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
    const actor = (what: string, profile: Profile): Actor => {
      const config = {
        name: `Ann's ${what}`,
        device: profile,
        consent: 'same-user',
        pan: { lan: { interfaces: loopbackInterfaces() }, ble: { enabled: false } },
      };
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
