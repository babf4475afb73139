import { performance } from 'node:perf_hooks';
import type { Clock } from '@cpns/shared';

/** Longer timers would fire at once in Node. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface SystemClockOptions {
  /** Timers do not keep the process alive. Default: false. */
  readonly unref?: boolean;
}

/** Time of this computer. */
export class SystemClock implements Clock {
  readonly #unref: boolean;

  constructor(options: SystemClockOptions = {}) {
    this.#unref = options.unref ?? false;
  }

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  after(delayMs: number, action: () => void): () => void {
    const dueMs = performance.now() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (waitMs: number) => {
      // Node's timers run up to a millisecond early against the monotonic clock, and a deadline must never be early. One that had to be
      // armed again would run after others that were asked for later, so each gets that millisecond from the start.
      timer = setTimeout(
        () => {
          const leftMs = dueMs - performance.now();
          if (leftMs > 0) arm(leftMs);
          else action();
        },
        waitMs <= 0 ? 0 : Math.ceil(Math.min(waitMs, LONGEST_TIMER_MS - 1)) + 1,
      );
      if (this.#unref) timer.unref();
    };
    arm(delayMs);
    return () => clearTimeout(timer);
  }
}
