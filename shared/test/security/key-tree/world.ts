import { serverId } from '../../../src/ids.js';
import {
  EMPTY,
  EXPAND,
  expand,
  GROUP_KEY_NODE,
  type GroupRecord,
  groupKeyOf,
  type KeyTree,
  MemberKeys,
  nodeAt,
  SIV_KEK_LENGTH,
  type SignedRekeyPart,
  signedRekeyParts,
  toHex,
} from '../../../src/security/index.js';
import { InsecureSeededEntropy, MemoryNodeStore } from '../../../src/testing/index.js';
import { IdealProvider } from './ideal-provider.js';

const sgId = new Uint8Array(16).fill(3);
const idServer = serverId('server.example');

/** Somebody who is a member, or was. */
interface Person {
  readonly leaf: number;
  readonly keys: MemberKeys;
  /** What only the server and it know, as hex. */
  readonly leafKey: string;
  present: boolean;
  online: boolean;
}

/** Everything that may happen to a group, as numbers that a test draws. */
export type Step =
  | { readonly kind: 'change'; readonly joins: number; readonly leaves: readonly number[] }
  | { readonly kind: 'rotate' }
  | { readonly kind: 'absent' | 'back'; readonly who: number };

export interface WorldOptions {
  /** The tree under test. */
  readonly Tree: typeof KeyTree;
  /** False: nobody follows the rekeys, so that a fault is noticed by the search alone. */
  readonly followed: boolean;
}

/** A group with all who ever were in it, all that was ever sent, and the truth about who may know what. Keys are compared as hex. */
export class World {
  readonly #ideal = new IdealProvider();
  readonly #store = new MemoryNodeStore();
  readonly #tree: KeyTree;
  readonly #followed: boolean;
  readonly #people: Person[] = [];
  /** In the order in which they went. */
  readonly #gone: Person[] = [];
  /** What opens what: a key-encryption key a key, a Group Key the message of its epoch. */
  readonly #opens = new Map<string, Set<string>>();
  readonly #allowed = new Map<string, Set<Person>>();
  readonly #named = new Map<string, string>();
  readonly #keks = new Map<string, string>();
  #epoch = 0n;

  constructor({ Tree, followed }: WorldOptions) {
    this.#tree = new Tree(sgId, this.#store, { provider: this.#ideal.provider, entropy: new InsecureSeededEntropy(1) });
    this.#followed = followed;
  }

  /** @throws when somebody who should read on cannot, or somebody who should not can */
  take(step: Step): void {
    const present = this.#people.filter((person) => person.present);
    if (step.kind === 'change') this.#change(present, step);
    else if (step.kind === 'rotate') this.#broadcast(this.#tree.rotate(++this.#epoch).records);
    else if (present.length > 0) this.#moves(present[step.who % present.length] as Person, step.kind === 'back');
    this.#noteTruth();
    if (this.#followed) this.#everybodyPresentReads();
  }

  #change(present: readonly Person[], { joins, leaves }: { readonly joins: number; readonly leaves: readonly number[] }): void {
    const going = new Set(leaves.flatMap((n) => present[n % present.length] ?? []));
    for (const person of going) person.present = false;
    this.#gone.push(...going);
    const { records, joined } = this.#tree.change(++this.#epoch, { joins, leaves: [...going].map(({ leaf }) => leaf) });
    this.#broadcast(records);
    for (const leaf of joined) {
      const serverKeys = [{ keyId: 1, ed25519: new Uint8Array(32) }];
      const keys = new MemberKeys({ provider: this.#ideal.provider, idServer, sgId, serverKeys });
      const leafKey = toHex(this.#tree.resync(this.#epoch, leaf).leafKey.reveal());
      const person = { leaf, keys, leafKey, present: true, online: true };
      this.#people.push(person);
      this.#resync(person);
    }
  }

  #moves(person: Person, online: boolean): void {
    person.online = online;
    if (online) this.#resync(person);
  }

  #resync({ keys, leaf }: Person): void {
    const { leafKey, records } = this.#tree.resync(this.#epoch, leaf);
    this.#heard(records);
    if (!this.#followed) return;
    const [signed] = this.#signed(records) as [SignedRekeyPart];
    keys.install(keys.takeResync({ leaf, leafKey: leafKey.reveal().slice(), ...signed }));
  }

  #broadcast(records: readonly GroupRecord[]): void {
    this.#heard(records);
    if (!this.#followed) return;
    for (const part of this.#signed(records)) {
      for (const { present, online, keys } of this.#people) {
        // Who is gone goes on listening.
        if (present && !online) continue;
        const taken = keys.take(part);
        if (taken.outcome === 'keys') keys.install(taken);
      }
    }
  }

  #signed(records: readonly GroupRecord[]): SignedRekeyPart[] {
    const header = { idServer, sgId, epoch: this.#epoch, keyId: 1, switchAfterMs: 0, graceMs: 0 };
    return signedRekeyParts(header, records, this.#ideal.provider.ed25519Signer(EMPTY));
  }

  /** By everybody, for ever. */
  #heard(records: readonly GroupRecord[]): void {
    for (const { wrapped } of records) {
      const { kek, plain } = this.#ideal.look(wrapped);
      this.#note(this.#opens, kek, toHex(plain));
    }
  }

  #note<T>(sets: Map<string, Set<T>>, key: string, value: T): void {
    const known = sets.get(key);
    if (known === undefined) sets.set(key, new Set([value]));
    else known.add(value);
  }

  /** Whoever is below a node now may know its key of now; everybody present, the Group Key and what is said under it. */
  #noteTruth(): void {
    const message = `a message of epoch ${this.#epoch}`;
    for (const person of this.#people.filter(({ present }) => present)) {
      const path = Array.from({ length: this.#store.height() + 1 }, (_, level) => nodeAt(level, person.leaf >>> (2 * level)));
      for (const node of [...path, GROUP_KEY_NODE]) {
        const { version, key } = this.#store.get(node) ?? {};
        if (key === undefined) throw new Error(`there is no key at node ${node} above somebody present`);
        const hex = toHex(key.reveal());
        this.#note(this.#allowed, hex, person);
        this.#named.set(hex, `${node} version ${version}`);
        if (node === GROUP_KEY_NODE) this.#note(this.#opens, hex, message);
      }
      this.#note(this.#allowed, message, person);
    }
  }

  #everybodyPresentReads(): void {
    const now = this.#store.get(GROUP_KEY_NODE)?.key;
    for (const { present, online, keys, leaf } of this.#people) {
      if (!online || now === undefined || keys.state === undefined) continue;
      const reads = keys.state.epoch === this.#epoch && toHex(groupKeyOf(keys.state).reveal()) === toHex(now.reveal());
      if (reads !== present) throw new Error(`leaf ${leaf} is ${present ? '' : 'not '}present and ${reads ? 'reads' : 'cannot read'}`);
    }
  }

  /** Lets everybody, alone and together, open whatever can be opened. @throws when somebody comes to know what it may not */
  search(): { readonly people: number; readonly gone: number; readonly height: number } {
    for (const person of this.#people) this.#searchBy([person]);
    // Those who had gone by then together, and those who came after that together, at each point in time.
    for (let n = 2; n <= this.#gone.length; n++) this.#searchBy(this.#gone.slice(0, n));
    for (let n = 1; n < this.#people.length; n++) this.#searchBy(this.#people.slice(n));
    const names = new Set(this.#named.values());
    if (names.size !== this.#named.size) throw new Error('two keys have one name');
    return { people: this.#people.length, gone: this.#gone.length, height: this.#store.height() };
  }

  #searchBy(people: readonly Person[]): void {
    const known = new Set(people.map(({ leafKey }) => leafKey));
    // A set goes on to what is added while it is walked.
    for (const item of known) {
      for (const opened of this.#opens.get(item) ?? []) known.add(opened);
      if (item.length === 64) for (const opened of this.#opens.get(this.#kekOf(item)) ?? []) known.add(opened);
    }
    for (const item of known) {
      const allowed = this.#allowed.get(item);
      if (allowed !== undefined && people.some((person) => allowed.has(person))) continue;
      const who = people.map(({ leaf }) => leaf).join(' and ');
      throw new Error(`who had leaf ${who} opened ${this.#named.get(item) ?? item}`);
    }
  }

  #kekOf(key: string): string {
    const known = this.#keks.get(key);
    if (known !== undefined) return known;
    const octets = new Uint8Array(Buffer.from(key, 'hex'));
    const kek = toHex(expand(this.#ideal.provider, octets, EXPAND.groupWrap, EMPTY, SIV_KEK_LENGTH));
    this.#keks.set(key, kek);
    return kek;
  }
}
