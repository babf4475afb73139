import type { ServerId } from '../../ids.js';
import type { ServerKey } from '../../messages/hello.js';
import type { CryptoProvider } from '../../ports.js';
import { authFailed } from '../auth-error.js';
import { GROUP_KEY_NODE, type GroupRecord, unwrapNodeKey } from '../group-record.js';
import { Secret } from '../secret.js';
import type { HeldKey, MemberState } from './member-state.js';
import { isAbove } from './nodes.js';
import { openRekeyPart, type RekeyPart, type SignedRekeyPart } from './rekey-part.js';

export interface MemberKeysOptions {
  readonly provider: CryptoProvider;
  readonly idServer: ServerId;
  /** 16 raw octets. */
  readonly sgId: Uint8Array;
  /** The keys with which the server signs, as it confirmed them. */
  readonly serverKeys: readonly ServerKey[];
  /** What the store has; undefined before the first resync. */
  readonly state?: MemberState | undefined;
}

/** New keys, to be made durable and then {@link MemberKeys.install}ed. */
export interface NewKeys {
  readonly outcome: 'keys';
  readonly state: MemberState;
  /** False: only the path is new, the epoch and its Group Key are as before. */
  readonly newEpoch: boolean;
  /** For `KeyedMessages.install`. */
  readonly graceMs: number;
  readonly switchAfterMs: number;
}

/**
 * What came of a part. `old`: of an epoch that is not newer, such as a repetition. `more`: the part with the Group Key is still to come.
 * `gap`: this device missed something and has to ask for a resync; a part that was overtaken may still close the gap.
 */
export type TakenPart = NewKeys | { readonly outcome: 'old' | 'more' | 'gap' };

/** The answer to a resync request. */
export interface ResyncAnswer extends SignedRekeyPart {
  readonly leaf: number;
  /** Overwritten. */
  readonly leafKey: Uint8Array;
}

/** What came of an epoch so far. */
interface Pending {
  readonly epoch: bigint;
  /** By the index of their part, those on the own path. */
  readonly records: Map<number, readonly GroupRecord[]>;
  /** Whether the last part is here, which brings the Group Key. */
  last: boolean;
}

/** The member's side of a group's keys. Nothing changes before {@link install}, so that a key is durable before it is used. */
export class MemberKeys {
  readonly #options: MemberKeysOptions;
  #state: MemberState | undefined;
  #pending: Pending | undefined;

  constructor(options: MemberKeysOptions) {
    this.#options = options;
    this.#state = options.state;
  }

  /** Undefined: this device has no keys of the group yet. */
  get state(): MemberState | undefined {
    return this.#state;
  }

  /**
   * One part of a rekey that was broadcast. Parts of one epoch may come in any order and twice.
   * @throws CpnsError Auth/WrongSignature, OtherServer, OtherGroup; Codec/BadMessage
   */
  take({ part, signature }: SignedRekeyPart): TakenPart {
    const read = this.#read(part, signature);
    const state = this.#state;
    if (state === undefined) return { outcome: 'gap' };
    if (read.epoch <= state.epoch || read.epoch < (this.#pending?.epoch ?? 0n)) return { outcome: 'old' };
    if (this.#pending?.epoch !== read.epoch) this.#pending = { epoch: read.epoch, records: new Map(), last: false };
    const pending = this.#pending;
    const own = read.records.filter(({ underNode }) => isAbove(underNode, state.leaf));
    if (own.length > 0) pending.records.set(read.index, own);
    if (read.index === read.count - 1) pending.last = true;
    const records = [...pending.records].sort(([a], [b]) => a - b).flatMap(([, some]) => some);
    const keys = this.#climb(state.keys, read.epoch, records);
    if (keys !== undefined) return this.#newKeys(read, state.leaf, keys);
    return { outcome: pending.last ? 'gap' : 'more' };
  }

  /**
   * The answer to a resync request: leaf key, path and Group Key anew, of the same epoch or a newer one.
   * @throws CpnsError Auth/WrongSignature, OtherServer, OtherGroup, EpochRollback, BadResync; Codec/BadMessage
   */
  takeResync({ leaf, leafKey, part, signature }: ResyncAnswer): NewKeys {
    const key = Secret.take(`node ${leaf}`, leafKey);
    try {
      const read = this.#read(part, signature);
      const version = read.records[0]?.underVersion ?? 0;
      const keys = this.#climb(new Map([[leaf, { version, key }]]), read.epoch, read.records);
      // The leaf, a key by each record, and no record that did not fit.
      if (keys?.size !== read.records.length + 1) throw authFailed('BadResync', 'A resync does not hold the path of this device.');
      this.#requireNoRollback(read.epoch, keys);
      return this.#newKeys(read, leaf, keys);
    } catch (error) {
      key.erase();
      throw error;
    }
  }

  /** Takes keys into use that are durable now; those that they replace are erased. */
  install({ state }: NewKeys): void {
    const kept = new Set([...state.keys.values()].map(({ key }) => key));
    for (const { key } of this.#state?.keys.values() ?? []) if (!kept.has(key)) key.erase();
    this.#state = state;
    this.#pending = undefined;
  }

  /** Erases all keys: this device is no member any more. */
  erase(): void {
    for (const { key } of this.#state?.keys.values() ?? []) key.erase();
    this.#state = undefined;
    this.#pending = undefined;
  }

  /** @throws CpnsError Auth/EpochRollback */
  #requireNoRollback(epoch: bigint, keys: ReadonlyMap<number, HeldKey>): void {
    const state = this.#state;
    if (state === undefined || epoch > state.epoch) return;
    const [before, now] = [state.keys.get(GROUP_KEY_NODE)?.key, keys.get(GROUP_KEY_NODE)?.key];
    if (epoch === state.epoch && before && now && this.#options.provider.equal(before.reveal(), now.reveal())) return;
    throw authFailed('EpochRollback', `Keys of epoch ${epoch} came after others of epoch ${state.epoch}.`);
  }

  #read(part: Uint8Array, signature: Uint8Array): RekeyPart {
    const { provider, serverKeys, idServer, sgId } = this.#options;
    const read = openRekeyPart(provider, serverKeys, part, signature);
    if (read.idServer !== idServer) throw authFailed('OtherServer', 'A rekey is of another server.');
    if (!provider.equal(read.sgId, sgId)) throw authFailed('OtherGroup', 'A rekey is of another group.');
    return read;
  }

  /**
   * From the keys held up to the Group Key; undefined when that is not reached. `records` are in the order of parts; each brings the node
   * that it is under, the one above that, or the Group Key, so what it brings is on the path of who holds the other.
   */
  #climb(held: ReadonlyMap<number, HeldKey>, epoch: bigint, records: readonly GroupRecord[]): Map<number, HeldKey> | undefined {
    const { provider, sgId } = this.#options;
    const keys = new Map(held);
    for (const { node, version, underNode, underVersion, wrapped } of records) {
      const under = keys.get(underNode);
      if (under?.version !== underVersion || version <= (keys.get(node)?.version ?? 0)) continue;
      const key = unwrapNodeKey(provider, { sgId, epoch, node, version, underNode, underVersion }, under.key, wrapped);
      if (key !== undefined) keys.set(node, { version, key });
    }
    if (keys.get(GROUP_KEY_NODE) !== held.get(GROUP_KEY_NODE)) return keys;
    for (const [node, { key }] of keys) if (held.get(node)?.key !== key) key.erase();
    return undefined;
  }

  #newKeys({ epoch, graceMs, switchAfterMs }: RekeyPart, leaf: number, keys: ReadonlyMap<number, HeldKey>): NewKeys {
    const newEpoch = epoch !== this.#state?.epoch;
    return { outcome: 'keys', state: { leaf, epoch, keys }, newEpoch, graceMs, switchAfterMs };
  }
}
