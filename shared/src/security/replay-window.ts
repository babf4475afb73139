/** Sequence numbers behind the highest that are still told apart; older ones are refused. */
export const REPLAY_WINDOW = 1024;

/**
 * Which sequence numbers of one sender were seen: the highest and the {@link REPLAY_WINDOW} - 1 below it (RFC 6479 idea: a ring of bits).
 * Ask {@link isFresh} before opening and {@link accept} only after the tag has verified.
 */
export class ReplayWindow {
  readonly #bits = new Uint32Array(REPLAY_WINDOW / 32);
  #highest: bigint;
  #floor: bigint;

  /** `seenUpTo`: everything up to it counts as seen (what was stored before a restart). */
  constructor(seenUpTo = -1n) {
    this.#highest = seenUpTo;
    this.#floor = seenUpTo;
  }

  /** The highest number accepted, -1n when there is none. */
  get highest(): bigint {
    return this.#highest;
  }

  /** Another one that has seen the same, and goes its own way from now on. */
  copy(): ReplayWindow {
    const copy = new ReplayWindow(this.#highest);
    copy.#floor = this.#floor;
    copy.#bits.set(this.#bits);
    return copy;
  }

  isFresh(seq: bigint): boolean {
    if (seq > this.#highest) return true;
    if (seq <= this.#floor || seq <= this.#highest - BigInt(REPLAY_WINDOW)) return false;
    const slot = Number(seq % BigInt(REPLAY_WINDOW));
    return ((this.#bits[slot >> 5] as number) & (1 << (slot & 31))) === 0;
  }

  /** Marks a fresh number as seen. False, and nothing changes, when it was seen before or is too old. */
  accept(seq: bigint): boolean {
    if (!this.isFresh(seq)) return false;
    if (seq > this.#highest) {
      if (seq - this.#highest >= BigInt(REPLAY_WINDOW)) this.#bits.fill(0);
      else for (let passed = this.#highest + 1n; passed < seq; passed++) this.#clear(passed);
      this.#highest = seq;
    }
    const slot = Number(seq % BigInt(REPLAY_WINDOW));
    this.#bits[slot >> 5] = (this.#bits[slot >> 5] as number) | (1 << (slot & 31));
    return true;
  }

  #clear(seq: bigint): void {
    const slot = Number(seq % BigInt(REPLAY_WINDOW));
    this.#bits[slot >> 5] = (this.#bits[slot >> 5] as number) & ~(1 << (slot & 31));
  }
}
