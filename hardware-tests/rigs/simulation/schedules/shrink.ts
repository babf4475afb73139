import type { Action, Schedule } from './actions.js';
import { play } from './play.js';

/** A schedule that fails, with as few actions as could be found. */
export interface Shrunk {
  /** Places of the actions in the schedule. */
  readonly kept: readonly number[];
  readonly violations: readonly string[];
}

/** The actions of a schedule that are enough for it to fail. */
export function shrink(schedule: Schedule): Promise<Shrunk> {
  const playOnly = (kept: readonly number[]) =>
    play(
      schedule,
      kept.map((at) => schedule.actions[at] as Action),
    );
  return shrinkBy(schedule.actions.length, playOnly);
}

/**
 * The shortest prefix that fails, and of that what is left when each action that does not matter is left out.
 * @param violations what is wrong when these actions are played
 */
export async function shrinkBy(actions: number, violations: (kept: readonly number[]) => Promise<readonly string[]>): Promise<Shrunk> {
  const all = Array.from({ length: actions }, (_, at) => at);
  let kept: readonly number[] = all;
  let wrong: readonly string[] = [];
  for (let length = 0; length <= actions && wrong.length === 0; length++) {
    kept = all.slice(0, length);
    wrong = await violations(kept);
  }
  for (const at of [...kept]) {
    const fewer = kept.filter((other) => other !== at);
    const still = await violations(fewer);
    if (still.length > 0) [kept, wrong] = [fewer, still];
  }
  return { kept, violations: wrong };
}
