import type { Action, Schedule } from './actions.js';
import { play } from './play.js';

/** A schedule that fails, with as few actions as could be found. */
export interface Shrunk {
  /** Places of the actions in the schedule. */
  readonly kept: readonly number[];
  readonly violations: readonly string[];
}

/** The shortest prefix of the actions that still fails, and of that as few actions as still fail when each is left out in turn. */
export async function shrink(schedule: Schedule): Promise<Shrunk> {
  const fails = (kept: readonly number[]) =>
    play(
      schedule,
      kept.map((at) => schedule.actions[at] as Action),
    );
  const all = schedule.actions.map((_, at) => at);
  let kept = all;
  let violations = await fails(all);
  for (let length = 0; length < all.length && violations.length > 0; length++) {
    const wrong = await fails(all.slice(0, length));
    if (wrong.length === 0) continue;
    [kept, violations] = [all.slice(0, length), wrong];
    break;
  }
  for (const at of [...kept]) {
    const fewer = kept.filter((other) => other !== at);
    const wrong = await fails(fewer);
    if (wrong.length > 0) [kept, violations] = [fewer, wrong];
  }
  return { kept, violations };
}
