import { CpnsError } from './errors.js';

/** What a commit changes: keys to new values; `undefined` deletes. */
export type StoreChanges = ReadonlyMap<string, Uint8Array | undefined>;

/** Bounds of a store, in octets. */
export interface StoreLimits {
  readonly maxValueOctets: number;
  /** All keys and values together. */
  readonly maxTotalOctets: number;
}

export const STORE_LIMITS: StoreLimits = { maxValueOctets: 65_536, maxTotalOctets: 64 * 1024 * 1024 };

/** Longest key of a store, in characters. Keys are of visible ASCII characters. */
export const MAX_STORE_KEY_LENGTH = 512;
const KEY = new RegExp(`^[!-~]{1,${MAX_STORE_KEY_LENGTH}}$`);

/**
 * The committed state of a store, in memory: the common part of every implementation of the Store port. Values are copied on the way in
 * and out, and overwritten with zeros when they are replaced or deleted: they may be keys.
 */
export class StoreContents {
  readonly #values = new Map<string, Uint8Array>();
  readonly #limits: StoreLimits;
  #totalOctets = 0;

  constructor(limits: StoreLimits = STORE_LIMITS) {
    this.#limits = limits;
  }

  /** Octets of all keys and values. */
  get totalOctets(): number {
    return this.#totalOctets;
  }

  /** How many keys there are. */
  get size(): number {
    return this.#values.size;
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  get(key: string): Uint8Array | undefined {
    const value = this.#values.get(key);
    return value && new Uint8Array(value);
  }

  keys(prefix: string): string[] {
    return [...this.#values.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** Keys and values themselves, to be written at once and not kept. */
  entries(): IterableIterator<[string, Uint8Array]> {
    return this.#values.entries();
  }

  /** Begins to gather changes that become durable together. */
  draft(): StoreDraft {
    return new StoreDraft(this.#limits, this.#totalOctets, (key) => this.#values.get(key));
  }

  /** Takes changes over, once they are durable. */
  apply(changes: StoreChanges): void {
    for (const [key, value] of changes) {
      const before = this.#values.get(key);
      this.#totalOctets += entrySize(key, value) - entrySize(key, before);
      before?.fill(0);
      if (value === undefined) this.#values.delete(key);
      else this.#values.set(key, new Uint8Array(value));
    }
  }

  /** Overwrites and forgets everything. */
  wipe(): void {
    for (const value of this.#values.values()) value.fill(0);
    this.#values.clear();
    this.#totalOctets = 0;
  }
}

/** Several commits on their way to durability together; later ones win. */
export class StoreDraft {
  readonly changes = new Map<string, Uint8Array | undefined>();
  readonly #limits: StoreLimits;
  readonly #committed: (key: string) => Uint8Array | undefined;
  #totalOctets: number;

  constructor(limits: StoreLimits, totalOctets: number, committed: (key: string) => Uint8Array | undefined) {
    this.#limits = limits;
    this.#totalOctets = totalOctets;
    this.#committed = committed;
  }

  /** Adds one commit. A commit that does not make the store larger is always taken. @throws CpnsError State/StoreFull: none of it was taken */
  add(changes: StoreChanges): void {
    let growth = 0;
    for (const [key, value] of changes) {
      const before = this.changes.has(key) ? this.changes.get(key) : this.#committed(key);
      growth += entrySize(key, value) - entrySize(key, before);
    }
    if (growth > 0 && this.#totalOctets + growth > this.#limits.maxTotalOctets) {
      const limit = `${Math.round(this.#limits.maxTotalOctets / 1024)} KiB`;
      throw new CpnsError(
        'State',
        'StoreFull',
        `The stored state would grow over its limit of ${limit}; remove personal networks or raise the limit.`,
      );
    }
    this.#totalOctets += growth;
    for (const [key, value] of changes) this.changes.set(key, value);
  }
}

/**
 * A copy of `changes` that its caller cannot alter any more.
 * @throws CpnsError Internal/BadStoreKey, Internal/StoreValueTooLarge
 */
export function ownChanges(changes: StoreChanges, limits: StoreLimits = STORE_LIMITS): Map<string, Uint8Array | undefined> {
  const own = new Map<string, Uint8Array | undefined>();
  for (const [key, value] of changes) {
    if (!KEY.test(key)) throw new CpnsError('Internal', 'BadStoreKey', 'A key of the store is 1 to 512 visible ASCII characters.');
    if (value !== undefined && value.length > limits.maxValueOctets) {
      throw new CpnsError('Internal', 'StoreValueTooLarge', `A value of the store is at most ${limits.maxValueOctets} octets.`);
    }
    own.set(key, value && new Uint8Array(value));
  }
  return own;
}

function entrySize(key: string, value: Uint8Array | undefined): number {
  return value === undefined ? 0 : key.length + value.length;
}
