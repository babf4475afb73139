import { CpnsError } from '../errors.js';
import type { Clock } from '../ports.js';

/** By six digits that people compare, or by a link that is shown. */
export type PairingMode = 'code' | 'link';

export interface PairingWindowLimits {
  /** Milliseconds until the window closes by itself. */
  readonly openMs: number;
  /** With codes: attempts that may begin. Each gives a man in the middle one guess in a million. */
  readonly attempts: number;
  /** With a link: wrong tokens that close the window. */
  readonly wrongTokens: number;
}

export const PAIRING_WINDOW_LIMITS: PairingWindowLimits = { openMs: 120_000, attempts: 5, wrongTokens: 20 };

/** How an attempt ended: with a pairing, with a check that failed, or given up. */
export type AttemptOutcome = 'paired' | 'refused' | 'abandoned';

/**
 * The time during which a device may be paired, and the limits that make guessing hopeless (security: physical pairing). One attempt at a
 * time, whichever side began it. A link is spent with its first success; codes may pair several devices.
 */
export class PairingWindow {
  readonly mode: PairingMode;
  readonly #clock: Clock;
  readonly #untilMs: number;
  #left: number;
  #closed = false;
  #busy = false;

  constructor(clock: Clock, mode: PairingMode, limits: Partial<PairingWindowLimits> = {}) {
    const { openMs, attempts, wrongTokens } = { ...PAIRING_WINDOW_LIMITS, ...limits };
    this.mode = mode;
    this.#clock = clock;
    this.#untilMs = clock.monotonicMs() + openMs;
    this.#left = mode === 'code' ? attempts : wrongTokens;
  }

  get open(): boolean {
    return this.remainingMs > 0;
  }

  /** Whole milliseconds left, 0 when closed. An attempt under way ends with the window. */
  get remainingMs(): number {
    return this.#closed ? 0 : Math.max(0, Math.ceil(this.#untilMs - this.#clock.monotonicMs()));
  }

  /** With codes: attempts that may still begin. With a link: wrong tokens that are still borne. */
  get attemptsLeft(): number {
    return this.open ? this.#left : 0;
  }

  /** Begins an attempt. @throws CpnsError State/PairingWindowClosed, State/PairingBusy */
  begin(): void {
    if (!this.open) {
      throw new CpnsError(
        'State',
        'PairingWindowClosed',
        'This device is not open for pairing (any more); open it again, on both devices.',
      );
    }
    if (this.#busy) throw new CpnsError('State', 'PairingBusy', 'Another pairing is under way; wait until it has ended.');
    this.#busy = true;
    if (this.mode === 'code') this.#left--;
  }

  /** Ends the attempt under way. */
  end(outcome: AttemptOutcome): void {
    if (!this.#busy) return;
    this.#busy = false;
    if (this.mode === 'link' && outcome === 'refused') this.#left--;
    const spent = this.mode === 'link' && outcome === 'paired';
    if (spent || this.#left === 0) this.close();
  }

  close(): void {
    this.#closed = true;
  }
}
