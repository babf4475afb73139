import type { Clock } from '@cpns/shared';

/**
 * A clock whose seconds are longer than others'. With it a rig waits longer for everything without a word in the scenarios: a processor in
 * software is slow, and slower still on a busy machine.
 */
export class PatientClock implements Clock {
  readonly #clock: Clock;
  readonly #factor: number;

  constructor(clock: Clock, factor: number) {
    this.#clock = clock;
    this.#factor = factor;
  }

  wallMs(): number {
    return this.#clock.wallMs();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs() / this.#factor;
  }

  after(ms: number, action: () => void): () => void {
    return this.#clock.after(ms * this.#factor, action);
  }
}
