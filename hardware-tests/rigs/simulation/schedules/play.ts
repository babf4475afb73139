import { describeError } from '@cpns/shared';
import { disagreements, violations } from '../invariants/violations.js';
import { type Action, inWords, type Schedule } from './actions.js';
import { hindered, linkedAgain } from './liveness.js';
import { perform } from './perform.js';
import { Playground } from './playground.js';
import type { Trace } from './trace.js';

/** A person who looks so long after the last fault finds everything at rest ... */
const QUIET_MS = 25_000;
/** ... or else it takes until a deadline has passed: this is longer than the longest of the protocol. */
const LONG_QUIET_MS = 300_000;
/** Of so many schedules one is watched for longer in any case: something may go wrong when all seemed well. */
const WATCHED_EVERY = 8;
const WATCHED_MS = 150_000;
const AFTERWARDS_MS = 5_000;

/** Plays a schedule and returns what is wrong in the end, in sentences. `actions` in place of those of the schedule. */
export async function play(schedule: Schedule, actions: readonly Action[] = schedule.actions, trace?: Trace): Promise<string[]> {
  const unexpected: string[] = [];
  const ground = await Playground.open(schedule, trace);
  try {
    const { clock } = ground;
    const startMs = clock.monotonicMs();
    const told = (text: string) => {
      trace?.note(text);
      if (text.startsWith('UNEXPECTED')) unexpected.push(text);
    };
    for (const action of actions) {
      await clock.advance(startMs + action.atMs - clock.monotonicMs());
      trace?.action(inWords(action));
      perform(ground, action, told);
    }
    await bringToRest(ground, schedule, trace);
    return [...unexpected, ...(await judge(ground, trace))];
  } catch (error) {
    return [`it ended with: ${describeError(error)}\n${(error as Error).stack ?? ''}`];
  } finally {
    await ground.close();
  }
}

/** No more faults from now on; whoever was switched off is switched on when it was meant to be. */
async function bringToRest(ground: Playground, { seed }: Schedule, trace: Trace | undefined): Promise<void> {
  const { clock, server } = ground;
  ground.disarm();
  ground.calm();
  trace?.action('no more faults');
  while (!server.reachable || ground.isAnybodyOff) await clock.advance(1_000);
  // What was to end by itself has done so.
  ground.calm();
  const calmMs = clock.monotonicMs();
  await clock.advance(seed % WATCHED_EVERY === 0 ? WATCHED_MS : QUIET_MS);
  await linkedAgain(ground, calmMs);
}

async function judge(ground: Playground, trace: Trace | undefined): Promise<string[]> {
  const { clock } = ground;
  await agree(ground);
  trace?.action('everybody establishes once more');
  const wrong = disagreements(ground.world);
  if (wrong.length > 0) return wrong;
  const hindrances = await hindered(ground);
  await clock.advance(AFTERWARDS_MS);
  // A PNE which the server does not know any more since a restart finds that out by its silence.
  await agree(ground);
  return [...hindrances, ...violations(ground.world)];
}

/** Waits until nobody disagrees, at most as long as that may take. */
async function agree({ clock, world }: Playground): Promise<void> {
  const untilMs = clock.monotonicMs() + LONG_QUIET_MS;
  while (disagreements(world).length > 0 && clock.monotonicMs() < untilMs) await clock.advance(QUIET_MS);
}
