import { CpnsError } from '../errors.js';
import type { Clock } from '../ports.js';

export interface VirtualClockOptions {
  /** Where the monotonic clock starts. Default: 1,000. */
  readonly startMs?: number;
  /** What the wall clock shows then. Default: 2026-01-01 00:00 UTC. */
  readonly wallMs?: number;
  /** Lets everything that is ready run: promises, and I/O of the host if there is any. Default: one turn of the host's event loop. */
  readonly turn?: () => Promise<void>;
}

interface Timer {
  readonly dueMs: number;
  readonly number: number;
  readonly action: () => void;
}

const HOUR_MS = 3_600_000;
/** After so many turns in which nothing happened and no timer waits, nothing is going to happen. */
const IDLE_TURNS = 100;
/** What one timer sets off may go through a few commits, each a turn of the host, before it sets the next timer. */
const QUIET_TURNS = 4;

/** Time that passes only when a test says so; everything in between happens at one instant, in the order of the due times. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #wallOffsetMs: number;
  #made = 0;
  #driven = false;
  readonly #turn: () => Promise<void>;
  /** The last one is due first. */
  readonly #timers: Timer[] = [];

  constructor(options: VirtualClockOptions = {}) {
    this.#nowMs = options.startMs ?? 1_000;
    this.#wallOffsetMs = (options.wallMs ?? 1_767_225_600_000) - this.#nowMs;
    this.#turn = options.turn ?? hostTurn;
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.length;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Whole milliseconds, as the clocks of computers show. */
  wallMs(): number {
    return Math.floor(this.#nowMs + this.#wallOffsetMs);
  }

  /** Sets the wall clock, as a person or NTP does; the monotonic clock and the timers do not notice. */
  setWallMs(wallMs: number): void {
    this.#wallOffsetMs = wallMs - this.#nowMs;
  }

  after(delayMs: number, action: () => void): () => void {
    if (Number.isNaN(delayMs + 0)) throw new Error('a timer needs to know for how long');
    const timer = { dueMs: this.#nowMs + Math.max(0, delayMs), number: this.#made++, action };
    this.#timers.splice(this.#place(timer), 0, timer);
    return () => {
      const at = this.#place(timer) - 1;
      if (this.#timers[at] === timer) this.#timers.splice(at, 1);
    };
  }

  /** Lets `ms` milliseconds pass and everything happen that falls into them. */
  async advance(ms: number): Promise<void> {
    await this.#drive(async () => {
      const untilMs = this.#nowMs + ms;
      for (let idle = 0; idle < QUIET_TURNS; ) {
        if ((this.#timers.at(-1)?.dueMs ?? Number.POSITIVE_INFINITY) <= untilMs) {
          await this.#step();
          idle = 0;
        } else {
          await this.#turn();
          idle++;
        }
      }
      this.#nowMs = untilMs;
    });
  }

  /** Lets time pass until no timer is left. @throws CpnsError Timeout/NeverIdle when timers are left after `limitMs` */
  async runUntilIdle(limitMs: number = HOUR_MS): Promise<void> {
    await this.#drive(async () => {
      const untilMs = this.#nowMs + limitMs;
      while (this.#timers.length > 0)
        await this.#stepBefore(untilMs, 'NeverIdle', 'Timers are still being set when the limit was reached.');
    });
  }

  /**
   * Lets time pass until `wait` has settled, and hands on its outcome.
   * @throws CpnsError Timeout/NeverSettled after `limitMs`, or when no timer is left that could settle it
   */
  async run<T>(wait: Promise<T>, limitMs: number = HOUR_MS): Promise<T> {
    let settled = false;
    const note = () => {
      settled = true;
    };
    wait.then(note, note);
    await this.#drive(async () => {
      const untilMs = this.#nowMs + limitMs;
      for (let idle = 0; !settled; ) {
        if (this.#timers.length > 0) {
          await this.#stepBefore(untilMs, 'NeverSettled', 'The awaited outcome did not come within the limit.');
          idle = 0;
        } else if (idle++ < IDLE_TURNS) await this.#turn();
        else throw new CpnsError('Timeout', 'NeverSettled', 'Nothing is left that could bring about the awaited outcome.');
      }
    });
    return wait;
  }

  async #drive(fn: () => Promise<void>): Promise<void> {
    if (this.#driven) throw new CpnsError('Internal', 'ClockDrivenTwice', 'Only one caller at a time may let virtual time pass.');
    this.#driven = true;
    try {
      await this.#turn();
      await fn();
    } finally {
      this.#driven = false;
    }
  }

  async #stepBefore(untilMs: number, code: string, sentence: string): Promise<void> {
    if ((this.#timers.at(-1)?.dueMs ?? 0) > untilMs) throw new CpnsError('Timeout', code, sentence);
    await this.#step();
  }

  /** Goes to the next due time and runs that one timer. */
  async #step(): Promise<void> {
    const timer = this.#timers.pop();
    if (timer === undefined) return;
    this.#nowMs = timer.dueMs;
    timer.action();
    await this.#turn();
  }

  /** The place behind everything that is due later than `timer`, and behind `timer` itself. */
  #place(timer: Timer): number {
    let low = 0;
    let high = this.#timers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#timers[middle] as Timer;
      const later = other.dueMs > timer.dueMs || (other.dueMs === timer.dueMs && other.number >= timer.number);
      if (later) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/**
 * One turn of the event loop runs every promise that is ready, however long their chain. A host without one gets a fixed number of
 * rounds of the promise queue instead.
 */
async function hostTurn(): Promise<void> {
  const host = globalThis as { setImmediate?: (action: () => void) => unknown };
  if (host.setImmediate !== undefined) return new Promise((resolve) => void host.setImmediate?.(resolve));
  for (let round = 0; round < 500; round++) await undefined;
}
