import { disagreements, violations } from '../invariants/violations.js';
import type { Flow, Running, Told } from './flow.js';
import { silences } from './group-traffic.js';
import { type Party, SERVER } from './scene.js';
import { shownTooEarly, shownWrongly } from './shown.js';
import { standstills } from './traffic.js';

/** One side loses its power at its n-th deed of a flow, counted from 1. */
export interface CrashPoint {
  readonly flow: Flow;
  readonly side: string;
  readonly n: number;
}

export interface Outcome {
  readonly n: number;
  /** After which deed the power went. */
  readonly deed: string;
  /** What those were told whose power did not go. */
  readonly told: readonly Told[];
  /** The flow's effect stands. */
  readonly stands: boolean;
  /** What is wrong, in sentences; empty: passed. */
  readonly wrong: readonly string[];
}

/** It is without power for so long: its neighbours do not notice by themselves. */
const AWAY_MS = 1_000;
/** So long after a crash everything is at rest: a pairing window closes by itself after 120 s ... */
const QUIET_AFTER_MS = 130_000;
/** ... and PNEs notice by its silence, three heartbeats of 60 s, that the server has lost their sessions. */
const QUIET_AFTER_SERVER_MS = 240_000;
/** After the flow was repeated, everything is at rest by then. */
const REST_MS = 10_000;

function partyOf({ sides }: Flow, side: string): Party {
  const party = sides[side];
  if (party === undefined) throw new RangeError(`there is no side "${side}"`);
  return party;
}

/** What a side does in a flow in which nothing goes wrong, in order: each is a crash point. */
export async function deedsIn(flow: Flow, side: string): Promise<readonly string[]> {
  const scene = await flow.prepare();
  const deeds = scene.deedsOf(partyOf(flow, side));
  const before = deeds.done.length;
  const running = flow.begin(scene);
  await scene.clock.advance(flow.lastsMs);
  const done = deeds.done.slice(before);
  if ([...running.told.values()].includes('failed') || !running.stands())
    throw new Error(`${flow.name} does not even work without a crash`);
  await scene.close();
  return done;
}

/**
 * Plays a flow in which one side loses its power at one point and starts again shortly after, waits until all is quiet, and says what is
 * wrong then. Afterwards the flow is done once more, as it must work.
 */
export async function play({ flow, side, n }: CrashPoint): Promise<Outcome> {
  const scene = await flow.prepare();
  const { clock } = scene;
  const party = partyOf(flow, side);
  const wrong: string[] = [];
  let deed: string | undefined;
  let running: Running | undefined;
  let doneBefore = false;
  const deeds = scene.deedsOf(party);
  deeds.at(n, () => {
    deed = deeds.done.at(-1);
    doneBefore = running?.told.get(party) === 'done';
    scene.crash(party);
    clock.after(AWAY_MS, () => void scene.revive(party).catch((error) => wrong.push(`it does not start again: ${error.message}`)));
  });
  scene.air.hook = ({ octets }) => {
    wrong.push(...shownTooEarly(scene.running));
    return octets;
  };
  running = flow.begin(scene);
  await clock.advance(flow.lastsMs + AWAY_MS);
  scene.air.hook = ({ octets }) => octets;
  if (deed === undefined) throw new RangeError(`${flow.name}/${side} has fewer than ${n} crash points`);
  await clock.advance(party === SERVER ? QUIET_AFTER_SERVER_MS : QUIET_AFTER_MS);
  const told = [...running.told].flatMap(([who, word]) => (who === party ? [] : [word]));
  if (running.told.get(party) === 'done' && doneBefore) told.push('done');
  const stands = running.stands();
  if (told.includes('done') && !stands) wrong.push('what was shown as done is gone');
  if (told.includes('failed') && stands) wrong.push('what was shown as failed stands');
  wrong.push(...disagreements(scene), ...shownWrongly(scene), ...(await standstills(scene)), ...(await silences(scene)));
  await flow.again(scene).catch((error) => wrong.push(`once more it does not work: ${error.message}`));
  await clock.advance(REST_MS);
  // Those that look at all that was ever said or sealed see the time before, too.
  for (const violation of violations(scene)) wrong.push(`after it was done once more: ${violation}`);
  await scene.close();
  return { n, deed, told, stands, wrong: [...new Set(wrong)] };
}
