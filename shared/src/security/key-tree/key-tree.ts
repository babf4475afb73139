import { CpnsError } from '../../errors.js';
import type { CryptoProvider, Entropy } from '../../ports.js';
import { GROUP_KEY_NODE, type GroupRecord, wrapNodeKey } from '../group-record.js';
import { Secret } from '../secret.js';
import type { NodeStore, TreeNode } from './node-store.js';
import { childrenOf, heightFor, LEAVES_MAX, nodeAt, parentOf } from './nodes.js';
import { isBefore } from './rekey-part.js';

const KEY_LENGTH = 32;

export interface MembershipChange {
  /** How many members come. */
  readonly joins: number;
  /** The leaves of those who go. */
  readonly leaves: readonly number[];
}

/** What a change of the tree has to tell the members. */
export interface Rekey {
  readonly epoch: bigint;
  /** For those who were members before and are now, in the order in which parts carry them. Empty when there are none. */
  readonly records: readonly GroupRecord[];
  /** Leaves of the new members; each asks for its path ({@link KeyTree.resync}). */
  readonly joined: readonly number[];
}

/** What one member needs to read on, whatever it missed. */
export interface Resync {
  /** Of the member alone; goes through its SK channel and nowhere else. */
  readonly leafKey: Secret;
  /** Its path, each node under the one below, and the Group Key: one more than the tree is high. */
  readonly records: readonly GroupRecord[];
}

/** A key with its name, as something to wrap under. */
interface Held {
  readonly node: number;
  readonly version: number;
  readonly key: Secret;
}

/** What a change does to one node. */
interface Touched {
  /** Somebody below it goes, who knows its key: it must not protect the next one. */
  departed: boolean;
  /** Somebody below it was a member before and still is, and so waits for records. */
  staying: boolean;
}

/**
 * The server's side of a group's keys: a tree of degree 4 (LKH, RFC 2627) whose leaves are the members' own keys (GKDK), whose root is
 * the GKEK, and the Group Key under it. A member knows the keys from its leaf to the root; who goes makes all of those new (security:
 * group keys). The caller counts epochs, and makes one of each transaction that it files tree, members and epoch in.
 */
export class KeyTree {
  readonly #sgId: Uint8Array;
  readonly #store: NodeStore;
  readonly #provider: CryptoProvider;
  readonly #entropy: Entropy;

  /** `sgId`: 16 raw octets. */
  constructor(sgId: Uint8Array, store: NodeStore, { provider, entropy }: { readonly provider: CryptoProvider; readonly entropy: Entropy }) {
    this.#sgId = sgId;
    this.#store = store;
    this.#provider = provider;
    this.#entropy = entropy;
  }

  /**
   * Members come and go, and a new Group Key. The paths of those who go get fresh keys that are wrapped for their live children only; on
   * the paths of those who come a fresh key is wrapped under the one before, so that what was sent earlier stays closed to them.
   * @throws CpnsError State/GroupFull, Internal/NoSuchLeaf
   */
  change(epoch: bigint, { joins, leaves }: MembershipChange): Rekey {
    const touched = new Map<number, Touched>();
    for (const leaf of leaves) {
      const { version } = this.#held(leaf);
      this.#store.put(leaf, { version, key: undefined });
      touched.set(leaf, { departed: true, staying: false });
    }
    const joined: number[] = [];
    for (let i = 0; i < joins; i++) {
      const leaf = this.#newLeaf();
      joined.push(leaf);
      touched.set(leaf, { departed: touched.has(leaf), staying: false });
    }
    const records = this.#renewAbove(touched, epoch);
    const groupKey = this.#renewGroupKey(epoch);
    if (groupKey !== undefined && touched.get(groupKey.underNode)?.staying !== false) records.push(groupKey);
    return { epoch, records: records.sort((a, b) => (isBefore(a, b) ? -1 : 1)), joined };
  }

  /** A new Group Key for the same members, under the root as it is: one record. */
  rotate(epoch: bigint): Rekey {
    const record = this.#renewGroupKey(epoch);
    return { epoch, records: record === undefined ? [] : [record], joined: [] };
  }

  /** All that the member at `leaf` may know, for the present epoch; changes nothing. @throws CpnsError Internal/NoSuchLeaf */
  resync(epoch: bigint, leaf: number): Resync {
    const own = this.#held(leaf);
    const records: GroupRecord[] = [];
    let under = own;
    for (let level = 1; level <= this.#store.height(); level++) {
      const next = this.#held(parentOf(under.node));
      records.push(this.#record(epoch, next, under));
      under = next;
    }
    records.push(this.#record(epoch, this.#held(GROUP_KEY_NODE), under));
    return { leafKey: own.key, records };
  }

  #newLeaf(): number {
    const leaf = this.#store.freeLeaf();
    if (leaf >= LEAVES_MAX) throw new CpnsError('State', 'GroupFull', `A group has at most ${LEAVES_MAX} members.`);
    const height = heightFor(leaf);
    if (height > this.#store.height()) this.#store.setHeight(height);
    this.#store.put(leaf, this.#fresh(leaf, this.#store.get(leaf)));
    return leaf;
  }

  /** Renews all nodes above the leaves `touched`, level by level, and notes in `touched` how each fared. */
  #renewAbove(touched: Map<number, Touched>, epoch: bigint): GroupRecord[] {
    const records: GroupRecord[] = [];
    let level = [...touched.keys()];
    for (let height = this.#store.height(); height > 0; height--) {
      const above = new Set<number>();
      for (const node of level) {
        const parent = parentOf(node);
        const departed = touched.get(node)?.departed === true || touched.get(parent)?.departed === true;
        touched.set(parent, { departed, staying: false });
        above.add(parent);
      }
      for (const node of above) this.#renew(node, touched, epoch, records);
      level = [...above];
    }
    return records;
  }

  #renew(node: number, touched: Map<number, Touched>, epoch: bigint, records: GroupRecord[]): void {
    const own = touched.get(node) as Touched;
    const before = this.#store.get(node);
    const under = this.#protecting(node, before, own.departed, touched);
    if (under === undefined) return this.#empty(node, before);
    const fresh = this.#fresh(node, before);
    for (const key of under) records.push(this.#record(epoch, fresh, key));
    own.staying = under.length > 0;
    this.#store.put(node, fresh);
  }

  /** The keys under which those who stay below `node` get its next one; undefined: nobody is below it. */
  #protecting(node: number, before: TreeNode | undefined, departed: boolean, touched: ReadonlyMap<number, Touched>): Held[] | undefined {
    // Nobody goes and somebody was here: all of those hold the key of before, and no newcomer does.
    if (!departed && before?.key !== undefined) return [{ node, version: before.version, key: before.key }];
    const live = childrenOf(node).flatMap((child): Held[] => {
      const at = this.#store.get(child);
      return at?.key === undefined ? [] : [{ node: child, version: at.version, key: at.key }];
    });
    return live.length === 0 ? undefined : live.filter((child) => touched.get(child.node)?.staying !== false);
  }

  /** A fresh Group Key under the root as it is now; nothing when nobody is left. */
  #renewGroupKey(epoch: bigint): GroupRecord | undefined {
    const before = this.#store.get(GROUP_KEY_NODE);
    const node = nodeAt(this.#store.height(), 0);
    const root = this.#store.get(node);
    if (root?.key === undefined) return this.#empty(GROUP_KEY_NODE, before);
    const fresh = this.#fresh(GROUP_KEY_NODE, before);
    const record = this.#record(epoch, fresh, { node, version: root.version, key: root.key });
    this.#store.put(GROUP_KEY_NODE, fresh);
    return record;
  }

  #empty(node: number, before: TreeNode | undefined): undefined {
    if (before !== undefined) this.#store.put(node, { version: before.version, key: undefined });
  }

  #fresh(node: number, before: TreeNode | undefined): Held {
    const version = (before?.version ?? 0) + 1;
    return { node, version, key: Secret.take(`node ${node} version ${version}`, this.#entropy.bytes(KEY_LENGTH)) };
  }

  #held(node: number): Held {
    const at = this.#store.get(node);
    if (at?.key === undefined) throw new CpnsError('Internal', 'NoSuchLeaf', `The key tree has nobody at or below node ${node}.`);
    return { node, version: at.version, key: at.key };
  }

  #record(epoch: bigint, { node, version, key }: Held, under: Held): GroupRecord {
    const name = { sgId: this.#sgId, epoch, node, version, underNode: under.node, underVersion: under.version };
    return {
      node,
      version,
      underNode: under.node,
      underVersion: under.version,
      wrapped: wrapNodeKey(this.#provider, name, under.key, key),
    };
  }
}
