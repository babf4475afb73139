import { type Clock, type CryptoProvider, type EntityId, TokenBucket } from '@cpns/shared';
import { matchesBleHint, Secret, toHex } from '@cpns/shared/security';

/** Unknown hints that are computed; whoever invents more of them is not listened to. One costs a millisecond with 64 pairings. */
const UNKNOWN_PER_SECOND = 20;
const UNKNOWN_BURST = 60;
/** Hints whose answer is remembered. */
const MOST_REMEMBERED = 1_024;

/** Which paired device a hint belongs to. */
export class HintResolver {
  readonly #provider: CryptoProvider;
  readonly #computed: TokenBucket;
  readonly #answers = new Map<string, EntityId | undefined>();
  #peers: ReadonlyMap<EntityId, readonly Secret[]> = new Map();

  constructor(provider: CryptoProvider, clock: Clock) {
    this.#provider = provider;
    this.#computed = new TokenBucket(clock, UNKNOWN_PER_SECOND, UNKNOWN_BURST);
  }

  /** The keys of the paired devices from now on. */
  follow(peers: ReadonlyMap<EntityId, readonly Uint8Array[]>): void {
    for (const keys of this.#peers.values()) for (const key of keys) key.erase();
    this.#peers = new Map([...peers].map(([id, keys]) => [id, keys.map((key) => new Secret(`hint key of ${id}`, key))]));
    this.#answers.clear();
  }

  /** Undefined: a stranger, or one of more unknown hints at once than are computed; those are when they are heard again. */
  resolve(hint: Uint8Array): EntityId | undefined {
    const name = toHex(hint);
    if (this.#answers.has(name)) return this.#answers.get(name);
    if (this.#peers.size === 0 || !this.#computed.take()) return undefined;
    const fits = (key: Secret) => matchesBleHint(this.#provider, key.reveal(), hint);
    const owner = [...this.#peers].find(([, keys]) => keys.some(fits))?.[0];
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size < MOST_REMEMBERED) break;
      this.#answers.delete(oldest);
    }
    this.#answers.set(name, owner);
    return owner;
  }

  /** There is somebody to be found. */
  get hasPeers(): boolean {
    return this.#peers.size > 0;
  }

  isPeer(id: EntityId): boolean {
    return this.#peers.has(id);
  }
}
