import type { Clock } from '@cpns/shared';
import type { SignedRekeyPart } from '@cpns/shared/security';
import { cpuUs } from '../server/cpu.js';
import { median } from '../statistics.js';

/** What one change of a group asked of the server. */
export interface Changed {
  /** Keys that were wrapped. */
  readonly wraps: number;
  readonly parts: readonly SignedRekeyPart[];
}

/** The same change, several times. */
export interface GroupCost {
  readonly wraps: number;
  /** Signed parts with their signatures, before any envelope. */
  readonly octets: number;
  /** Medians of CPU, user and system, and of the time until it was durable. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** Notes what the same change costs each time. */
export class GroupCosts {
  readonly #clock: Clock;
  readonly #cpuMs: number[] = [];
  readonly #wallMs: number[] = [];
  #last: Changed | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async measure(change: () => Promise<Changed>): Promise<void> {
    const [startedUs, startedMs] = [cpuUs(), this.#clock.monotonicMs()];
    this.#last = await change();
    this.#cpuMs.push((cpuUs() - startedUs) / 1000);
    this.#wallMs.push(this.#clock.monotonicMs() - startedMs);
  }

  /** Wraps and octets are those of the last time. */
  get cost(): GroupCost {
    const parts = this.#last?.parts ?? [];
    return {
      wraps: this.#last?.wraps ?? 0,
      octets: parts.reduce((sum, { part, signature }) => sum + part.length + signature.length, 0),
      cpuMs: median(this.#cpuMs),
      wallMs: median(this.#wallMs),
    };
  }
}
