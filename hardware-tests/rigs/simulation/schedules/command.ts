import { plural } from '@cpns/shared/node';
import { type Action, inWords, type Pan, type Schedule } from './actions.js';
import { diagram } from './diagram.js';
import { scheduleOf } from './generate.js';
import { findPlanted } from './planted.js';
import { play } from './play.js';
import { playMany } from './play-many.js';
import { shrink } from './shrink.js';
import { Trace } from './trace.js';

export interface ScheduleOptions {
  /** How many. */
  readonly schedules: number;
  /** Of the first; the others follow. */
  readonly seed: number;
  readonly pan: Pan;
  /** A sequence diagram of that one seed in place of many. */
  readonly trace: boolean;
  /** End at the first that fails, which is not made any shorter. */
  readonly failFast: boolean;
  /** Bugs are planted, and the schedules have to find them. */
  readonly planted: boolean;
  /** Places of the actions to play, of that one seed. Undefined: all. */
  readonly only: readonly number[] | undefined;
}

/** More failures than so many are counted and not explained. */
const EXPLAINED = 3;
const PROGRESS_EVERY_MS = 5_000;

/** Plays random schedules and says what they came to. Returns the exit code: 0 nothing was wrong, 1 something was. */
export async function runSchedules(options: ScheduleOptions, print: (line: string) => void): Promise<number> {
  if (options.planted) return findPlanted(print);
  if (options.trace || options.only !== undefined) return replay(options, print);
  const { schedules, seed, failFast, pan } = options;
  const startMs = performance.now();
  const failed: number[] = [];
  let done = 0;
  let saidMs = startMs;
  await playMany(seed, schedules, pan, (outcome) => {
    done++;
    if (outcome.violations.length > 0) failed.push(outcome.seed);
    if (performance.now() - saidMs >= PROGRESS_EVERY_MS) {
      saidMs = performance.now();
      print(`  ${done} of ${schedules} schedules, ${failed.length} failed`);
    }
    if (failFast) for (const violation of outcome.violations) print(`! ${violation}`);
    return failFast && failed.length > 0;
  });
  if (failFast && failed.length > 0) {
    print(`seed ${failed[0]} fails, the ${done}th schedule that ended`);
    return 1;
  }
  failed.sort((a, b) => a - b);
  for (const one of failed.slice(0, EXPLAINED)) await explain(scheduleOf(one, pan), print);
  if (failed.length > EXPLAINED) print(`failed, too: seeds ${failed.slice(EXPLAINED).join(', ')}`);
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  print(`${plural(schedules, 'schedule')} from seed ${seed} in ${seconds} s: ${failed.length} violated an invariant`);
  print(`${schedules - failed.length} passed, ${failed.length} failed, 0 skipped`);
  return failed.length === 0 ? 0 : 1;
}

async function explain(schedule: Schedule, print: (line: string) => void): Promise<void> {
  const { kept, violations } = await shrink(schedule);
  print(`failed   seed ${schedule.seed}: ${kept.length} of ${plural(schedule.actions.length, 'action')} are enough`);
  for (const at of kept) {
    const action = schedule.actions[at] as Action;
    print(`  | ${String(at).padStart(2)}  ${(action.atMs / 1000).toFixed(3).padStart(8)} s  ${inWords(action)}`);
  }
  for (const violation of violations) print(`  ! ${violation}`);
  print(
    `  replay it: npm run rig -- simulation --seed ${schedule.seed}${schedule.pan === undefined || schedule.pan === 'lan' ? '' : ` --pan ${schedule.pan}`} --only ${kept.join(',') || 'none'} --trace`,
  );
}

async function replay({ seed, only, pan, trace: wanted }: ScheduleOptions, print: (line: string) => void): Promise<number> {
  const schedule = scheduleOf(seed, pan);
  const actions = only === undefined ? schedule.actions : schedule.actions.filter((_, at) => only.includes(at));
  const trace = new Trace();
  const violations = await play(schedule, actions, trace);
  if (wanted) for (const line of diagram(trace)) print(line);
  for (const violation of violations) print(`! ${violation}`);
  print(violations.length === 0 ? '1 passed, 0 failed, 0 skipped' : '0 passed, 1 failed, 0 skipped');
  return violations.length === 0 ? 0 : 1;
}
