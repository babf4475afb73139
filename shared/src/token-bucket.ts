import type { Clock } from './ports.js';

/** Lets `ratePerSecond` through in the long run and `burst` at once. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #ratePerSecond: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  constructor(clock: Clock, ratePerSecond: number, burst: number) {
    this.#clock = clock;
    this.#ratePerSecond = ratePerSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#atMs = clock.monotonicMs();
  }

  /** Takes `count` tokens if they are there. False: over the limit, nothing taken. */
  take(count = 1): boolean {
    if (!this.has(count)) return false;
    this.#tokens -= count;
    return true;
  }

  /** So many could be taken now. */
  has(count = 1): boolean {
    this.#refill();
    return this.#tokens >= count;
  }

  /** Nobody has taken anything lately: forgetting this bucket changes nothing. */
  get full(): boolean {
    this.#refill();
    return this.#tokens >= this.#burst;
  }

  #refill(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#atMs) / 1000) * this.#ratePerSecond);
    this.#atMs = nowMs;
  }
}

/** One {@link TokenBucket} for each key. Keys beyond `maxKeys` share one bucket, so that nobody can push another one's out. */
export class TokenBuckets {
  readonly #make: () => TokenBucket;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #shared: TokenBucket;

  constructor(clock: Clock, ratePerSecond: number, burst: number, maxKeys = 1024) {
    this.#make = () => new TokenBucket(clock, ratePerSecond, burst);
    this.#maxKeys = maxKeys;
    this.#shared = this.#make();
  }

  take(key: string, count = 1): boolean {
    return this.#bucketOf(key).take(count);
  }

  /** So many could be taken now. */
  has(key: string, count = 1): boolean {
    return this.#bucketOf(key).has(count);
  }

  #bucketOf(key: string): TokenBucket {
    const known = this.#buckets.get(key);
    if (known !== undefined) return known;
    if (this.#buckets.size >= this.#maxKeys) this.#forgetIdle();
    if (this.#buckets.size >= this.#maxKeys) return this.#shared;
    const fresh = this.#make();
    this.#buckets.set(key, fresh);
    return fresh;
  }

  #forgetIdle(): void {
    for (const [key, bucket] of this.#buckets) if (bucket.full) this.#buckets.delete(key);
  }
}
