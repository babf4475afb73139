import { serverId } from '../ids.js';
import type { ServerKey } from '../messages/index.js';
import type { CryptoProvider } from '../ports.js';
import {
  type GroupRecord,
  groupKeyOf,
  KeyTree,
  MemberKeys,
  type MemberState,
  type NodeStore,
  type Rekey,
  type RekeyHeader,
  type ResyncAnswer,
  type SignedRekeyPart,
  signedRekeyParts,
  toHex,
} from '../security/index.js';
import { MemoryNodeStore } from './memory-node-store.js';
import { InsecureSeededEntropy } from './seeded-entropy.js';

const KEY_ID = 1;

/** A change of a group, and what the server broadcasts of it. */
export interface BroadcastRekey extends Rekey {
  readonly parts: readonly SignedRekeyPart[];
}

/** The keys of one service group as the server keeps them, and the devices of its members. Nobody stands between them. */
export class TestGroup {
  readonly sgId = new Uint8Array(16).fill(3);
  readonly idServer = serverId('server.example');
  readonly store: NodeStore = new MemoryNodeStore();
  readonly tree: KeyTree;
  /** The server's signature. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly serverKeys: readonly ServerKey[];
  epoch = 0n;
  readonly #provider: CryptoProvider;

  constructor(provider: CryptoProvider) {
    const seed = new Uint8Array(32).fill(4);
    this.#provider = provider;
    this.tree = new KeyTree(this.sgId, this.store, { provider, entropy: new InsecureSeededEntropy('group') });
    this.sign = provider.ed25519Signer(seed);
    this.serverKeys = [{ keyId: KEY_ID, ed25519: provider.ed25519Public(seed) }];
  }

  change(joins: number, leaves: readonly number[] = []): BroadcastRekey {
    return this.#broadcast(this.tree.change(++this.epoch, { joins, leaves }));
  }

  rotate(): BroadcastRekey {
    return this.#broadcast(this.tree.rotate(++this.epoch));
  }

  /** The answer to a resync request of the member at `leaf`. */
  resync(leaf: number): ResyncAnswer {
    const { leafKey, records } = this.tree.resync(this.epoch, leaf);
    const [signed] = this.parts(records) as [SignedRekeyPart];
    return { leaf, leafKey: leafKey.reveal().slice(), ...signed };
  }

  /** A device without keys of the group. */
  newcomer(state?: MemberState): MemberKeys {
    const { sgId, idServer, serverKeys } = this;
    return new MemberKeys({ provider: this.#provider, sgId, idServer, serverKeys, state });
  }

  /** The device of the member at `leaf` after a resync. */
  member(leaf: number, keys = this.newcomer()): MemberKeys {
    keys.install(keys.takeResync(this.resync(leaf)));
    return keys;
  }

  /** Records as the server sends them, with another header or signature when a test wants to lie. */
  parts(records: readonly GroupRecord[], other: Partial<RekeyHeader> = {}, sign = this.sign): SignedRekeyPart[] {
    const { sgId, idServer, epoch } = this;
    return signedRekeyParts({ idServer, sgId, epoch, keyId: KEY_ID, switchAfterMs: 0, graceMs: 0, ...other }, records, sign);
  }

  #broadcast(rekey: Rekey): BroadcastRekey {
    return { ...rekey, parts: this.parts(rekey.records) };
  }
}

/** Takes all parts and installs what comes of them; what came of the last one. */
export function followRekey(keys: MemberKeys, parts: readonly SignedRekeyPart[]): string {
  let outcome = 'nothing';
  for (const part of parts) {
    const taken = keys.take(part);
    outcome = taken.outcome;
    if (taken.outcome === 'keys') keys.install(taken);
  }
  return outcome;
}

/** The Group Key that this device would use, as hex. */
export function groupKeyHex({ state }: MemberKeys): string | undefined {
  return state && toHex(groupKeyOf(state).reveal());
}
