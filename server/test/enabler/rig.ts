import { CpnsError, type EntityId, entityId, serverId, type UserId, userId } from '@cpns/shared';
import { nativeProvider } from '@cpns/shared/node';
import { type EuKeyRoot, euKeyPrk, rootFromPrk, Secret } from '@cpns/shared/security';
import { InsecureSeededEntropy, MemoryLogger, RecordingProvider, VirtualClock } from '@cpns/shared/testing';
import { expect, onTestFinished } from 'vitest';
import type { Broker } from '../../src/broker/broker.js';
import { defaultSettings, type Settings } from '../../src/config/settings.js';
import { createEnabler, type Enabler } from '../../src/enabler/enabler.js';
import type { Database } from '../../src/inventory/database.js';
import { openDatabase } from '../../src/inventory/open-database.js';
import { EuKeyStore } from '../../src/keys/eukey-store.js';
import { sealerFor } from '../../src/keys/sealer.js';
import { openServerIdentity, type ServerIdentity } from '../../src/keys/server-identity.js';

export const provider = nativeProvider;
export const idServer = serverId('cpns.test');
export const alice = userId('alice');
export const bob = userId('bob');

/** What a device holds after enrolment. */
export interface Enrolled {
  readonly entityId: EntityId;
  readonly root: EuKeyRoot;
}

/** Hands payloads from one side to the other at once, and lets a test look at them. */
class MemoryBroker implements Pick<Broker, 'publish' | 'disconnect'> {
  readonly devices = new Map<EntityId, (payload: Uint8Array) => void>();
  readonly disconnected: EntityId[] = [];
  onLeave = (_entityId: EntityId) => {};

  async publish(to: EntityId, payload: Uint8Array): Promise<boolean> {
    const receive = this.devices.get(to);
    receive?.(payload);
    return receive !== undefined;
  }

  async disconnect(id: EntityId): Promise<void> {
    this.disconnected.push(id);
    if (this.devices.delete(id)) this.onLeave(id);
  }
}

export type Changes = { readonly [group in 'sessions' | 'limits' | 'groups']?: Partial<Settings[group]> };

/** A real enabler over a real inventory in memory and a broker that is a function call; time is virtual. */
export class Rig {
  readonly clock = new VirtualClock();
  readonly entropy = new InsecureSeededEntropy('enabler');
  readonly logger = new MemoryLogger();
  readonly broker = new MemoryBroker();
  /** The enabler's provider, over restarts: no key and nonce may ever seal twice (security T12). */
  readonly recorder = new RecordingProvider(provider);
  readonly settings: Pick<Settings, 'sessions' | 'limits' | 'groups'>;
  readonly db: Database;
  /** Keys of a group's tree wrap several others, each under another name; all other keys wrap once. */
  hasGroups = false;
  /** The next so many transactions fail when all of their work is done, as on a full disk. */
  failing = 0;
  readonly keys: EuKeyStore;
  readonly identity: ServerIdentity;
  readonly #masterKey = new Secret('master key', new Uint8Array(32).fill(9));
  readonly groupKeys = sealerFor(provider, this.#masterKey, 'group-key');
  enabler: Enabler;

  constructor(changes: Changes = {}) {
    const { clock, entropy, logger } = this;
    const { sessions, limits, groups } = defaultSettings();
    this.settings = {
      sessions: { ...sessions, ...changes.sessions },
      limits: { ...limits, ...changes.limits },
      groups: { ...groups, ...changes.groups },
    };
    this.db = openDatabase({
      path: ':memory:',
      clock,
      entropy,
      logger,
      limits: { ...this.settings.limits, answersKeptMs: this.settings.sessions.answersKeptMs },
    });
    const rows = this.db.keys;
    const sealer = (purpose: 'eukey' | 'signing-key') => sealerFor(provider, this.#masterKey, purpose);
    this.keys = new EuKeyStore({ rows, sealer: sealer('eukey'), provider, entropy, cachedRoots: 100 });
    this.identity = openServerIdentity({ rows, sealer: sealer('signing-key'), provider, entropy, serverId: idServer });
    this.enabler = this.#start();
    onTestFinished(async () => {
      this.enabler.stop();
      await this.db.close();
      this.recorder.assertNoNonceReuse();
      const keks = this.recorder.wraps.map(({ kek }) => kek);
      if (!this.hasGroups) expect(new Set(keks).size).toBe(keks.length);
    });
  }

  #start(): Enabler {
    const { broker, clock, entropy, logger, settings, keys, identity, db, recorder, groupKeys } = this;
    const pnKeys = sealerFor(provider, this.#masterKey, 'pn-key');
    const inventory: Database = {
      ...db,
      transact: (work) =>
        db.transact((tx) => {
          const result = work(tx);
          if (this.failing === 0) return result;
          this.failing--;
          throw new CpnsError('State', 'DiskFull', 'The disk is full.');
        }),
    };
    const enabler = createEnabler({
      inventory,
      keys,
      pnKeys,
      groupKeys,
      broker,
      identity,
      clock,
      entropy,
      provider: recorder,
      logger,
      settings,
    });
    enabler.start();
    broker.onLeave = (id) => enabler.deviceDisconnected(id);
    return enabler;
  }

  /** What a restart takes away: sessions, challenges, everything in memory. Devices stay connected. */
  restart(): void {
    this.enabler.stop();
    this.enabler = this.#start();
    for (const id of this.broker.devices.keys()) this.enabler.deviceConnected(id);
  }

  async user(id: UserId = alice, services: readonly string[] = ['pn-gw']): Promise<void> {
    await this.db.transact((tx) => void tx.users.add(id, { services, chargeable: true }));
  }

  async enrol(name: string, owner: UserId = alice): Promise<Enrolled> {
    const id = entityId(name);
    const { euKey, row } = this.keys.create(id);
    await this.db.transact((tx) => {
      tx.devices.add(id, owner);
      tx.keys.addEuKey(row);
    });
    return { entityId: id, root: rootFromPrk(provider, euKeyPrk(provider, euKey)) };
  }

  /** A device with a key of its own making. */
  stranger(name: string): Enrolled {
    const root = rootFromPrk(provider, euKeyPrk(provider, new Secret('EUKey', this.entropy.bytes(32))));
    return { entityId: entityId(name), root };
  }

  attach(id: EntityId, receive: (payload: Uint8Array) => void): void {
    this.broker.devices.set(id, receive);
    this.enabler.deviceConnected(id);
  }

  detach(id: EntityId): void {
    if (this.broker.devices.delete(id)) this.enabler.deviceDisconnected(id);
  }

  /** Lets time pass, and what it brought about become durable. */
  async pass(ms: number): Promise<void> {
    await this.clock.advance(ms);
    await this.settle();
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Codes of the refusals that were logged, newest last. */
  refusals(): string[] {
    return this.logger.lines.flatMap(({ fields }) => (typeof fields.why === 'string' ? [fields.why.split(':')[0] ?? ''] : []));
  }
}
