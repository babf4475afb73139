import { isDeepStrictEqual } from 'node:util';
import { CpnsError, describeError, sleep } from '@cpns/shared';
import type { Need, Stage } from '../rigs/rig.js';

/** One story with checks. It knows no rig. */
export interface Scenario {
  /** As typed; parts of one theme are called `theme/part`. */
  readonly name: string;
  /** What must be true, in one sentence. */
  readonly title: string;
  readonly needs: readonly Need[];
  /** It takes much longer than others: where several are played at once, it is begun first. */
  readonly isLong?: boolean;
  readonly run: (t: Telling) => Promise<void>;
}

export function defineScenario(scenario: Scenario): Scenario {
  return scenario;
}

/** A check that did not hold. */
export class CheckFailed extends Error {
  override readonly name = 'CheckFailed';
}

/** Time for something that happens by itself, unless a check says otherwise. */
const EVENTUALLY_MS = 20_000;
const LOOK_EVERY_MS = 50;

/** What happened at the end of an {@link Telling.eventually} that never came true. */
function withDetail(says: string, detail: string): CheckFailed {
  return new CheckFailed(detail === '' ? says : `${says} (${detail})`);
}

/** A scenario while it is played: the stage, and what it says and checks. */
export class Telling {
  readonly stage: Stage;
  readonly #say: (text: string) => void;
  #checks = 0;

  constructor(stage: Stage, say: (text: string) => void) {
    this.stage = stage;
    this.#say = say;
  }

  get checks(): number {
    return this.#checks;
  }

  /** What the story does next. */
  step(text: string): void {
    this.#say(text);
  }

  /** @throws CheckFailed */
  check(says: string, holds: boolean, detail = ''): void {
    this.#checks++;
    if (!holds) throw withDetail(says, detail);
  }

  /** Deep equality. @throws CheckFailed */
  same<T>(says: string, actual: T, expected: T): void {
    this.check(says, isDeepStrictEqual(actual, expected), `is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`);
  }

  /** Waits until `look` finds something other than undefined and false, and gives that. Errors of `look` mean: not yet. @throws CheckFailed */
  async eventually<T>(says: string, look: () => Promise<T | undefined | false>, withinMs = EVENTUALLY_MS): Promise<T> {
    const { clock, patience = 1 } = this.stage;
    const limitMs = patience * withinMs;
    const untilMs = clock.monotonicMs() + limitMs;
    let last = '';
    for (;;) {
      try {
        const found = await look();
        if (found !== undefined && found !== false) {
          this.#checks++;
          return found;
        }
        last = '';
      } catch (error) {
        last = describeError(error);
      }
      if (clock.monotonicMs() >= untilMs) throw withDetail(`${says}: not within ${Math.round(limitMs / 1000)} s`, last);
      await sleep(clock, LOOK_EVERY_MS);
    }
  }

  /** `holds` is true all the time for `forMs`. @throws CheckFailed */
  async steadily(says: string, forMs: number, holds: () => Promise<boolean>): Promise<void> {
    const { clock } = this.stage;
    const untilMs = clock.monotonicMs() + forMs;
    while (clock.monotonicMs() < untilMs) {
      if (!(await holds())) throw new CheckFailed(says);
      await sleep(clock, LOOK_EVERY_MS);
    }
    this.#checks++;
  }

  /** `attempt` fails with a {@link CpnsError} of one of these codes. @throws CheckFailed */
  async fails(says: string, attempt: Promise<unknown>, ...codes: readonly string[]): Promise<CpnsError> {
    let outcome: string;
    try {
      await attempt;
      outcome = 'it succeeded';
    } catch (error) {
      if (error instanceof CpnsError && codes.includes(error.code)) {
        this.#checks++;
        return error;
      }
      outcome = describeError(error);
    }
    throw withDetail(says, outcome);
  }
}
