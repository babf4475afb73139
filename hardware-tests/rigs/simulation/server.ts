import { existsSync, readFileSync } from 'node:fs';
import type { Uplink, UplinkEvents } from '@cpns/agent';
import {
  type Admin,
  type Broker,
  createEnabler,
  type Database,
  defaultSettings,
  type Enabler,
  EuKeyStore,
  InventoryAdmin,
  openDatabase,
  openServerIdentity,
  sealerFor,
} from '@cpns/server';
import { type CryptoProvider, type EntityId, entityId, type UserId, userId } from '@cpns/shared';
import { PN_GW_SERVICE } from '@cpns/shared/messages';
import { nativeProvider as provider } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, type VirtualClock } from '@cpns/shared/testing';
import type { FrameHook, Party } from './air.js';
import { Deeds } from './deeds.js';
import { SERVER_ID } from './device.js';
import { type Changes, observedTx } from './observed-tx.js';

type Settings = ReturnType<typeof defaultSettings>;

export interface SimulatedServerOptions {
  readonly sessions?: Partial<Settings['sessions']>;
  readonly limits?: Partial<Settings['limits']>;
  /** What seals and opens for the server; one that lies makes it a malicious server. */
  readonly provider?: CryptoProvider;
  /** Of Alice's subscription. Default: her devices may be PN GW. */
  readonly services?: readonly string[];
  /** File of the database. Default: memory. */
  readonly databasePath?: string;
  /** `HOST:PORT` in enrolment codes. */
  readonly address?: string;
}

const ALICE = userId('alice');

/** The real enabler on a database in memory; a broker of promises in the place of MQTT. */
export class SimulatedServer {
  readonly database: Database;
  readonly keys: EuKeyStore;
  readonly logger: MemoryLogger;
  readonly #clock: VirtualClock;
  readonly #masterKey = new Secret('master key', new Uint8Array(32).fill(9));
  readonly #devices = new Map<EntityId, UplinkEvents>();
  readonly #settings: Settings;
  readonly #provider: CryptoProvider;
  readonly #services: readonly string[];
  /** What the server commits and publishes. */
  readonly deeds = new Deeds();
  /** What its transactions did that must happen once. */
  readonly changes: Changes = { done: [], created: [], founders: new Set(), added: [] };
  readonly #databasePath: string;
  /** Where enrolment codes say it is, `HOST:PORT`. */
  readonly address: string;
  #enabler: Enabler;
  #admin: Admin;
  #alive = { yes: true };
  #started = 0;
  /** False: nobody gets through. */
  reachable = true;
  /** Sees every payload on its way through the broker, and may keep or change it. */
  hook: FrameHook = ({ octets }) => octets;

  constructor(clock: VirtualClock, options: SimulatedServerOptions = {}) {
    const { sessions = {}, limits = {}, provider: own = provider, services = [PN_GW_SERVICE], databasePath = ':memory:' } = options;
    const { address = 'cpns.test:8883' } = options;
    this.#clock = clock;
    this.logger = new MemoryLogger('', [], clock);
    this.address = address;
    this.#services = services;
    this.#provider = own;
    this.#databasePath = databasePath;
    const defaults = defaultSettings();
    const settings: Settings = {
      ...defaults,
      sessions: { ...defaults.sessions, ...sessions },
      limits: { ...defaults.limits, ...limits },
    };
    this.#settings = settings;
    const entropy = new InsecureSeededEntropy('server database');
    this.database = openDatabase({
      path: databasePath,
      clock,
      logger: this.logger,
      entropy,
      limits: { ...settings.limits, answersKeptMs: settings.sessions.answersKeptMs },
    });
    this.keys = new EuKeyStore({
      rows: this.database.keys,
      sealer: sealerFor(provider, this.#masterKey, 'eukey'),
      provider,
      entropy,
      cachedRoots: 1_000,
    });
    [this.#enabler, this.#admin] = this.#start();
  }

  get enabler(): Enabler {
    return this.#enabler;
  }

  /** What the operator can do, as the admin API offers it. */
  get admin(): Admin {
    return this.#admin;
  }

  /** Adds a device of a user, who may have a PN GW only when it is Alice, and returns its EUKey. */
  async enrol(
    name: string,
    user: UserId = ALICE,
    subscription: { services?: readonly string[]; chargeable?: boolean } = {},
  ): Promise<Uint8Array> {
    const id = entityId(name);
    const { euKey, row } = this.keys.create(id);
    await this.database.transact((tx) => {
      const services = user === ALICE ? this.#services : [];
      if (tx.users.find(user) === undefined) tx.users.add(user, { services, chargeable: true, ...subscription });
      tx.devices.add(id, user);
      tx.keys.addEuKey(row);
    });
    return euKey.reveal().slice();
  }

  /** The process ends between two instructions: what was not committed is gone, and nobody is told anything. */
  crash(): void {
    this.#alive.yes = false;
    this.reachable = false;
    this.#enabler.stop();
    for (const id of [...this.#devices.keys()]) this.#disconnect(id, 'the server was lost');
  }

  /** The process ends and another one starts on the same database. */
  restart(): void {
    this.crash();
    this.reachable = true;
    this.#alive = { yes: true };
    [this.#enabler, this.#admin] = this.#start();
  }

  /** What is in the files of the database; nothing when it is in memory. */
  databaseFiles(): Uint8Array[] {
    const files = this.#databasePath === ':memory:' ? [] : [this.#databasePath, `${this.#databasePath}-wal`];
    return files.filter((file) => existsSync(file)).map((file) => readFileSync(file));
  }

  /** Ends for good. */
  async stop(): Promise<void> {
    this.crash();
    await this.database.close();
  }

  /** The uplink of one device. `key`: its K_tls, which must be the one that the server knows; without it nobody looks. */
  uplink(id: EntityId, key?: Secret): Uplink {
    let cancel = () => {};
    let events: UplinkEvents | undefined;
    const obstacle = (): string | undefined => {
      if (!this.reachable) return 'the server does not answer';
      const known = this.keys.tlsKey(id);
      const isWelcome = key === undefined || (known !== undefined && provider.equal(known, key.reveal()));
      return isWelcome ? undefined : 'the server does not accept the key of this device';
    };
    const connect = () => {
      if (events === undefined) return;
      const why = obstacle();
      if (why !== undefined) {
        events.disconnected(why);
        cancel = this.#clock.after(1_000, connect);
        return;
      }
      this.#devices.set(id, {
        ...events,
        disconnected: (reason) => {
          events?.disconnected(reason);
          cancel = this.#clock.after(1_000, connect);
        },
      });
      this.#enabler.deviceConnected(id);
      events.connected();
    };
    return {
      start: (given) => {
        events = given;
        cancel = this.#clock.after(1, connect);
      },
      publish: async (payload) => {
        if (!this.#devices.has(id) || !this.reachable) return;
        this.#carry(id, 'server', payload);
      },
      probe: async () => {
        const reason = obstacle();
        const atMonotonicMs = this.#clock.monotonicMs();
        return reason === undefined ? { reachable: true, atMonotonicMs } : { reachable: false, reason, atMonotonicMs };
      },
      stop: async () => {
        cancel();
        events = undefined;
        if (this.#devices.delete(id)) this.#enabler.deviceDisconnected(id);
      },
    };
  }

  /** Nobody gets through from now on. */
  goAway(): void {
    this.reachable = false;
    for (const id of [...this.#devices.keys()]) this.#disconnect(id, 'the server went away');
  }

  /** The way is free again; a server that has crashed meanwhile is not there all the same. */
  comeBack(): void {
    this.reachable = this.#alive.yes;
  }

  /** Lets a payload arrive a moment later, in the name of whoever the broker says; the hook does not see it. */
  deliver(from: Party, to: Party, payload: Uint8Array): void {
    const copy = payload.slice();
    const events = to === 'server' ? undefined : this.#devices.get(to);
    this.#clock.after(1, () => {
      if (from === 'server') return events?.message(copy);
      this.#enabler.uplink(from, copy).catch((error) => this.logger.error('uplink failed', { id: from, error: String(error) }));
    });
  }

  #carry(from: Party, to: Party, payload: Uint8Array): void {
    const carried = this.hook({ from, to, octets: payload.slice() });
    for (const octets of carried instanceof Uint8Array ? [carried] : carried) this.deliver(from, to, octets);
  }

  #disconnect(id: EntityId, reason: string): void {
    const events = this.#devices.get(id);
    this.#devices.delete(id);
    this.#enabler.deviceDisconnected(id);
    events?.disconnected(reason);
  }

  #start(): [Enabler, Admin] {
    const alive = this.#alive;
    const entropy = new InsecureSeededEntropy(`server ${++this.#started}`);
    const identity = openServerIdentity({
      rows: this.database.keys,
      sealer: sealerFor(provider, this.#masterKey, 'signing-key'),
      serverId: SERVER_ID,
      provider,
      entropy,
    });
    const broker: Pick<Broker, 'publish' | 'disconnect'> = {
      publish: async (to, payload) => {
        if (!this.#devices.has(to) || !this.reachable || !alive.yes) return false;
        this.#carry('server', to, payload);
        this.deeds.did('publishes');
        return true;
      },
      disconnect: async (id) => this.#disconnect(id, 'the server closed the connection'),
    };
    const inventory = this.#observed(alive);
    const enabler = createEnabler({
      inventory,
      keys: this.keys,
      pnKeys: sealerFor(provider, this.#masterKey, 'pn-key'),
      groupKeys: sealerFor(provider, this.#masterKey, 'group-key'),
      broker,
      identity,
      clock: this.#clock,
      entropy,
      provider: this.#provider,
      logger: this.logger,
      settings: this.#settings,
    });
    enabler.start();
    const admin = new InventoryAdmin({
      inventory,
      keys: this.keys,
      enabler,
      broker: { connected: () => [...this.#devices.keys()] },
      provider,
      clock: this.#clock,
      serverId: SERVER_ID,
      publicAddress: () => this.address,
    });
    return [enabler, admin];
  }

  /** The database as one process sees it: its transactions are deeds, and end with it. */
  #observed(alive: { readonly yes: boolean }): Database {
    const { database, deeds, changes } = this;
    const ended = () => new Promise<never>(() => {});
    return {
      reads: database.reads,
      keys: database.keys,
      feed: database.feed,
      get problem() {
        return database.problem;
      },
      get counts() {
        return database.counts;
      },
      transact: async (work) => {
        deeds.did('begins to commit');
        if (!alive.yes) return ended();
        const result = await database.transact((tx) =>
          work(observedTx({ ...tx, afterCommit: (action) => tx.afterCommit(() => alive.yes && action()) }, changes)),
        );
        deeds.did('has committed');
        return alive.yes ? result : ended();
      },
      close: () => database.close(),
    };
  }
}
