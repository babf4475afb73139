import { CpnsError } from '../errors.js';
import type { Clock } from '../ports.js';

/** How long a session may live. */
export interface AgeLimits {
  /** After so many milliseconds a new handshake is due. */
  readonly sessionMs: number;
  /** So many milliseconds later the session is over, new handshake or not. */
  readonly graceMs: number;
}

export const AGE_LIMITS: AgeLimits = { sessionMs: 24 * 3_600_000, graceMs: 3_600_000 };

/** How old a session is, by the monotonic clock. */
export class SessionAge {
  readonly #clock: Clock;
  readonly #limits: AgeLimits;
  readonly #sinceMs: number;

  /** `ageMs`: how old it is already. */
  constructor(clock: Clock, limits: AgeLimits, ageMs = 0) {
    this.#clock = clock;
    this.#limits = limits;
    this.#sinceMs = clock.monotonicMs() - ageMs;
  }

  get due(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs >= this.#limits.sessionMs;
  }

  get over(): boolean {
    return this.#clock.monotonicMs() - this.#sinceMs >= this.#limits.sessionMs + this.#limits.graceMs;
  }
}

/** `defaults` with some of them lowered: no limit of a session can be raised. @throws CpnsError Internal/BadLimit */
export function lowerLimits<T extends { readonly [name in keyof T]: number }>(defaults: T, limits: Partial<T> = {}): T {
  const result: T = { ...defaults, ...limits };
  for (const name of Object.keys(defaults) as (keyof T & string)[]) {
    if (Number.isInteger(result[name]) && result[name] >= 0 && result[name] <= defaults[name]) continue;
    throw new CpnsError('Internal', 'BadLimit', `The limit ${name} of a session is a whole number from 0 to ${defaults[name]}.`);
  }
  return result;
}
