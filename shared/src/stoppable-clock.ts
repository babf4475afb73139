import type { Clock } from './ports.js';

/** A clock for a part of the program that can end: with {@link StoppableClock.stop} every timer set through it is given back. */
export class StoppableClock implements Clock {
  readonly #clock: Clock;
  readonly #cancels = new Set<() => void>();
  #stopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }
  wallMs(): number {
    return this.#clock.wallMs();
  }

  /** After {@link stop} nothing is set any more. */
  after(delayMs: number, action: () => void): () => void {
    if (this.#stopped) return () => {};
    const cancelTimer = this.#clock.after(delayMs, () => {
      this.#cancels.delete(cancel);
      action();
    });
    const cancel = () => {
      this.#cancels.delete(cancel);
      cancelTimer();
    };
    this.#cancels.add(cancel);
    return cancel;
  }

  /** May be called again. */
  stop(): void {
    this.#stopped = true;
    for (const cancel of [...this.#cancels]) cancel();
  }
}
