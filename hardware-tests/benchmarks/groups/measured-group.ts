import { join } from 'node:path';
import { type Database, defaultSettings, openDatabase, openServerIdentity, type ServerIdentity, sealerFor, withTree } from '@cpns/server';
import { type Clock, CpnsError, type EntityId, entityId, serverId, sgId as sgIdOf, userId } from '@cpns/shared';
import { createLogger, systemEntropy as entropy, nativeProvider as provider } from '@cpns/shared/node';
import {
  enc,
  fromHex,
  GROUP_KEY_NODE,
  type GroupRecord,
  type KeyTree,
  Secret,
  signedRekeyParts,
  toHex,
  wrapNodeKey,
} from '@cpns/shared/security';
import type { Changed } from './group-cost.js';

const KEY_OCTETS = 32;
const USER = userId('bench');
/** Devices enrolled in one transaction. */
const AT_ONCE = 1_000;

type Sealer = ReturnType<typeof sealerFor>;

interface Parts {
  readonly database: Database;
  readonly identity: ServerIdentity;
  readonly groupKeys: Sealer;
  readonly sgId: ReturnType<typeof sgIdOf>;
}

export interface MeasuredGroupOptions {
  /** For the database. */
  readonly directory: string;
  readonly members: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * A service group in the database of a server, with the keys as they are sealed there. Each change is what the server does for it: tree,
 * members and epoch in one transaction of its own, synced, and the signed parts of the rekey.
 */
export class MeasuredGroup {
  readonly #parts: Parts;
  /** By leaf; undefined where it is free. */
  readonly #members: (EntityId | undefined)[] = [];
  /** For {@link unicast}: one key for each member, at hand. */
  readonly #memberKeys: readonly Secret[];

  private constructor(parts: Parts, members: number) {
    this.#parts = parts;
    this.#memberKeys = Array.from({ length: members }, (_, i) => Secret.take(`member ${i}`, entropy.bytes(KEY_OCTETS)));
  }

  /** Full: as many members as its tree has leaves, when that is a power of four. @throws CpnsError */
  static async make({ directory, members, clock, signal }: MeasuredGroupOptions): Promise<MeasuredGroup> {
    const settings = defaultSettings();
    const database = openDatabase({
      path: join(directory, `${members}.db`),
      clock,
      entropy,
      logger: createLogger({ level: 'error', format: 'text' }),
      limits: { ...settings.limits, answersKeptMs: settings.sessions.answersKeptMs },
    });
    const masterKey = Secret.take('master key', entropy.bytes(KEY_OCTETS));
    const sealer = sealerFor(provider, masterKey, 'signing-key');
    const identity = openServerIdentity({ rows: database.keys, sealer, provider, entropy, serverId: serverId('bench') });
    const sgId = sgIdOf(toHex(entropy.bytes(16)));
    const group = new MeasuredGroup({ database, identity, groupKeys: sealerFor(provider, masterKey, 'group-key'), sgId }, members);
    masterKey.erase();
    await group.#enrol(members, signal);
    await group.change(
      Array.from({ length: members }, (_, i) => memberName(i)),
      [],
    );
    return group;
  }

  /** Who is at those leaves. @throws CpnsError Internal/NoSuchLeaf when nobody is at one of them */
  membersAt(leaves: readonly number[]): EntityId[] {
    return leaves.map((leaf) => {
      const member = this.#members[leaf];
      if (member === undefined) throw new CpnsError('Internal', 'NoSuchLeaf', `Nobody is at leaf ${leaf}.`);
      return member;
    });
  }

  /** Members come, and those at `leaves` go, in one epoch. */
  async change(joins: readonly EntityId[], leaves: readonly number[]): Promise<Changed> {
    const { database, sgId } = this.#parts;
    return await database.transact((tx) => {
      const epoch = (tx.groups.find(sgId)?.epoch ?? 0) + 1;
      const { records, joined } = this.#withTree(tx, (tree) => tree.change(BigInt(epoch), { joins: joins.length, leaves }));
      const remove = this.membersAt(leaves);
      const add = joins.map((member, i) => ({ entityId: member, pnId: undefined, gateway: member, leaf: joined[i] as number }));
      tx.groups.change(sgId, { add, remove, epoch });
      for (const leaf of leaves) this.#members[leaf] = undefined;
      for (const { leaf, entityId: member } of add) this.#members[leaf] = member;
      return this.#signed(epoch, records);
    });
  }

  /** The same as {@link change} for one leave, without a tree: the new Group Key for every other member under a key of its own. */
  async unicast(left: number): Promise<Changed> {
    const { database, sgId, groupKeys } = this.#parts;
    const own = fromHex(sgId);
    return await database.transact((tx) => {
      const epoch = (tx.groups.find(sgId)?.epoch ?? 0) + 1;
      tx.groups.change(sgId, { add: [], remove: this.membersAt([left]), epoch });
      const nodes = tx.groups.nodes(sgId);
      const version = (nodes.get(GROUP_KEY_NODE)?.version ?? 0) + 1;
      const key = Secret.take('Group Key', entropy.bytes(KEY_OCTETS));
      nodes.put(GROUP_KEY_NODE, { version, sealed: groupKeys.seal(enc(own, GROUP_KEY_NODE), key.reveal()) });
      const records: GroupRecord[] = [];
      for (const [leaf, under] of this.#memberKeys.entries()) {
        if (leaf === left) continue;
        const name = { sgId: own, epoch: BigInt(epoch), node: GROUP_KEY_NODE, version, underNode: leaf, underVersion: 1 };
        records.push({ ...name, wrapped: wrapNodeKey(provider, name, under, key) });
      }
      return this.#signed(epoch, records);
    });
  }

  /** Undoes {@link unicast}. */
  async takeBack(left: number): Promise<void> {
    const { database, sgId } = this.#parts;
    await database.transact((tx) => {
      const epoch = (tx.groups.find(sgId)?.epoch ?? 0) + 1;
      const add = this.membersAt([left]).map((member) => ({ entityId: member, pnId: undefined, gateway: member, leaf: left }));
      tx.groups.change(sgId, { add, remove: [], epoch });
    });
  }

  /** One member's way back, however much it missed. */
  async resync(leaf: number): Promise<Changed> {
    const { database, sgId } = this.#parts;
    return await database.transact((tx) => {
      const epoch = tx.groups.find(sgId)?.epoch ?? 0;
      return this.#signed(epoch, this.#withTree(tx, (tree) => tree.resync(BigInt(epoch), leaf)).records);
    });
  }

  /** A transaction that changes one value and no more. */
  async emptyCommit(): Promise<Changed> {
    const { database, sgId } = this.#parts;
    await database.transact((tx) => void tx.groups.rekeyed(sgId, (tx.groups.find(sgId)?.epoch ?? 0) + 1));
    return { wraps: 0, parts: [] };
  }

  async close(): Promise<void> {
    await this.#parts.database.close();
    for (const key of this.#memberKeys) key.erase();
  }

  async #enrol(members: number, signal: AbortSignal): Promise<void> {
    const { database, sgId } = this.#parts;
    await database.transact((tx) => void tx.users.add(USER, { services: [], chargeable: false }));
    for (let first = 0; first < members; first += AT_ONCE) {
      signal.throwIfAborted();
      await database.transact((tx) => {
        for (let i = first; i < Math.min(members, first + AT_ONCE); i++) tx.devices.add(memberName(i), USER);
      });
    }
    const group = { sgId, name: 'bench', ownerUser: USER, serviceId: undefined, open: false, owner: memberName(0), objects: [] };
    await database.transact((tx) => void tx.groups.create(group));
  }

  #withTree<T>(tx: Parameters<Parameters<Database['transact']>[0]>[0], work: (tree: KeyTree) => T): T {
    const { sgId, groupKeys } = this.#parts;
    return withTree({ groupKeys, provider, entropy }, sgId, tx.groups.nodes(sgId), work);
  }

  #signed(epoch: number, records: readonly GroupRecord[]): Changed {
    const { identity, sgId } = this.#parts;
    const { serverId: idServer, signingKeyId: keyId, sign } = identity;
    const header = { idServer, sgId: fromHex(sgId), epoch: BigInt(epoch), keyId, switchAfterMs: 0, graceMs: 0 };
    return { wraps: records.length, parts: signedRekeyParts(header, records, sign) };
  }
}

function memberName(leaf: number): EntityId {
  return entityId(`member-${leaf}`);
}
