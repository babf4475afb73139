/** Nothing that takes less is worth a word, whatever the median, unless a target says otherwise. */
const LEAST_LIMIT_MS = 50;
const TIMES_MEDIAN = 200;
const KEPT = 512;

/** How long one input may take: in relation to what the others took, so that it holds on any machine. */
export class StepBudget {
  readonly #kept = new Float64Array(KEPT);
  #noted = 0;
  #limitMs = Number.POSITIVE_INFINITY;
  readonly #leastLimitMs: number;

  constructor(leastLimitMs: number = LEAST_LIMIT_MS) {
    this.#leastLimitMs = leastLimitMs;
  }

  note(durationMs: number): void {
    this.#kept[this.#noted % KEPT] = durationMs;
    this.#noted++;
    if (this.#noted % KEPT === 0) this.#limitMs = Math.max(this.#leastLimitMs, TIMES_MEDIAN * this.medianMs);
  }

  get medianMs(): number {
    const sorted = this.#kept.slice(0, Math.min(this.#noted, KEPT)).sort();
    return sorted[sorted.length >> 1] ?? 0;
  }

  /** Infinite until the first few hundred inputs have passed. */
  get limitMs(): number {
    return this.#limitMs;
  }
}
