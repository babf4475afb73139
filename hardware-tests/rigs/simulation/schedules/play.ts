import { describeError } from '@cpns/shared';
import { violations } from '../invariants/violations.js';
import { type Action, inWords, type Schedule } from './actions.js';
import { hindered } from './liveness.js';
import { perform } from './perform.js';
import { Playground } from './playground.js';
import type { Trace } from './trace.js';

/** Whatever was begun, such as bad weather, ends within this time. */
const LONGEST_MS = 61_000;
/** After the last fault everything has come to rest within this time ... */
const QUIET_MS = 100_000;
/** ... or else within this one, which is longer than every deadline of the protocol. */
const LONG_QUIET_MS = 300_000;
const AFTERWARDS_MS = 10_000;

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
    await bringToRest(ground, startMs, trace);
    return [...unexpected, ...(await judge(ground, trace))];
  } catch (error) {
    return [`it ended with: ${describeError(error)}\n${(error as Error).stack ?? ''}`];
  } finally {
    await ground.close();
  }
}

/** All that was planned has happened; then no more faults. */
async function bringToRest(ground: Playground, startMs: number, trace: Trace | undefined): Promise<void> {
  const { clock } = ground;
  ground.disarm();
  await clock.advance(LONGEST_MS);
  ground.calm();
  trace?.action(`no more faults, ${((clock.monotonicMs() - startMs) / 1000).toFixed(1)} s after the start`);
  await clock.advance(QUIET_MS);
}

async function judge(ground: Playground, trace: Trace | undefined): Promise<string[]> {
  if (violations(ground.world).length > 0) await ground.clock.advance(LONG_QUIET_MS);
  trace?.action('everybody establishes once more');
  const wrong = violations(ground.world);
  if (wrong.length > 0) return wrong;
  const hinderances = await hindered(ground);
  await ground.clock.advance(AFTERWARDS_MS);
  return [...hinderances, ...violations(ground.world)];
}
