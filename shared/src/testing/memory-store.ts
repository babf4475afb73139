import { CpnsError } from '../errors.js';
import type { Store } from '../ports.js';
import { ownChanges, STORE_LIMITS, type StoreChanges, StoreContents, type StoreLimits } from '../store-contents.js';

/** A store that forgets everything with the process, and that can fail, hesitate and crash when a test wants it to. */
export class MemoryStore implements Store {
  /** The commits that were kept, in order. */
  readonly commits: StoreChanges[] = [];
  readonly #limits: StoreLimits;
  readonly #contents: StoreContents;
  readonly #failures = new Map<number, Error>();
  #asked = 0;
  #line: Promise<void> = Promise.resolve();
  #gate: Promise<void> = Promise.resolve();
  #openGate = () => {};
  #crashed = false;

  constructor(limits: Partial<StoreLimits> = {}) {
    this.#limits = { ...STORE_LIMITS, ...limits };
    this.#contents = new StoreContents(this.#limits);
  }

  get(key: string): Uint8Array | undefined {
    return this.#contents.get(key);
  }

  keys(prefix: string): string[] {
    return this.#contents.keys(prefix);
  }

  async commit(changes: StoreChanges): Promise<void> {
    const own = ownChanges(changes, this.#limits);
    const failure = this.#failures.get(++this.#asked);
    const turn = this.#line.then(() => this.#gate).then(() => this.#keep(own, failure));
    this.#line = turn.catch(() => {});
    return turn;
  }

  /** Lets the n-th commit from now fail; 1 is the next one. Nothing of it is kept. Default: the disk is full. */
  failCommit(
    n: number,
    error: Error = new CpnsError('State', 'DiskFull', 'The disk is full; free some space.', { retryable: true }),
  ): void {
    this.#failures.set(this.#asked + n, error);
  }

  /** Leaves commits from now on under way, until {@link release}. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#openGate = resolve;
    });
  }

  release(): void {
    this.#openGate();
  }

  /** Ends the process that uses this store. Commits still under way are lost and fail. Returns the store as the next process finds it. */
  crash(): MemoryStore {
    this.#crashed = true;
    this.#openGate();
    const next = new MemoryStore(this.#limits);
    next.#contents.apply(new Map(this.#contents.entries()));
    return next;
  }

  #keep(changes: StoreChanges, failure: Error | undefined): void {
    if (this.#crashed) throw new CpnsError('State', 'StoreFailed', 'The process that used this store has ended.');
    if (failure !== undefined) throw failure;
    const draft = this.#contents.draft();
    draft.add(changes);
    this.#contents.apply(draft.changes);
    this.commits.push(changes);
  }
}
