import { type Clock, describeError, withDeadline } from '@cpns/shared';
import { CheckFailed, type Scenario, Telling } from '../scenarios/scenario.js';
import type { DeviceMarks } from './bench/host-facts.js';
import { processorsIdle } from './idle-processors.js';
import { type BuiltStage, type LogOf, NotPlayable, type RemoteRig, type Rig } from './rig.js';

/** No scenario takes longer, unless the rig allows more; one that does has failed. */
const LONGEST_MS = 120_000;
/** Another scenario is begun when so much of the processors is unused. */
const IDLE_SHARE = 0.4;

/** What became of one scenario on one rig. */
export interface Outcome {
  readonly scenario: string;
  readonly rig: string;
  /**
   * `skipped`: it could have been played elsewhere, and that counts. `not applicable`: it has no meaning on this rig.
   * `kernel-bug`: the guest's kernel broke meanwhile, so nothing is known of it.
   */
  readonly result: 'passed' | 'failed' | 'skipped' | 'not applicable' | 'kernel-bug';
  readonly ms: number;
  readonly checks: number;
  /** What failed, or why it was not played. */
  readonly says?: string;
  /** The real devices on which it was played. */
  readonly devices?: readonly DeviceMarks[];
}

/** Beside the outcome, what helps to understand it. */
export interface Played extends Outcome {
  readonly steps: readonly string[];
  readonly logs: readonly LogOf[];
}

/** Plays one scenario on a fresh stage. Never throws. */
export async function play(rig: Rig, scenario: Scenario, clock: Clock, say: (text: string) => void): Promise<Played> {
  const beganMs = clock.monotonicMs();
  const steps: string[] = [];
  let toldFromMs = 0;
  const step = (text: string) => {
    const ms = stage === undefined ? 0 : stage.clock.monotonicMs() - toldFromMs;
    const line = `${(ms / 1000).toFixed(1).padStart(5)} s  ${text}`;
    steps.push(line);
    say(line);
  };
  let stage: BuiltStage | undefined;
  let telling: Telling | undefined;
  const outcome = (result: Outcome['result'], says?: string): Played => ({
    scenario: scenario.name,
    rig: rig.name,
    result,
    ms: Math.round(clock.monotonicMs() - beganMs),
    checks: telling?.checks ?? 0,
    ...(says !== undefined && { says }),
    ...marksOn(rig),
    steps,
    logs: stage?.logs() ?? [],
  });
  const meaningless = whyMeaningless(rig, scenario);
  if (meaningless !== undefined) return outcome('not applicable', meaningless);
  const lacking = await whyNot(rig, scenario);
  if (lacking !== undefined) return outcome('skipped', lacking);
  try {
    const run = async () => {
      const built = await rig.build();
      const told = new Telling(built, step);
      stage = built;
      telling = told;
      toldFromMs = built.clock.monotonicMs();
      await built.tell(() => scenario.run(told));
    };
    const { longestMs = LONGEST_MS } = rig;
    await withDeadline(clock, longestMs, undefined, run, `It was not over after ${longestMs / 1000} s.`);
    return outcome('passed');
  } catch (error) {
    if (error instanceof NotPlayable) return outcome('skipped', error.message);
    return outcome('failed', error instanceof CheckFailed ? error.message : describeError(error));
  } finally {
    await stage?.dispose();
  }
}

/** Plays scenarios, as many at once as the rig can; `over` hears of each as it ends. */
export async function playAll(
  rig: Rig | RemoteRig,
  scenarios: readonly Scenario[],
  clock: Clock,
  say: (scenario: string, text: string) => void,
  over: (played: Played) => void,
): Promise<void> {
  const obstacle = await rig.obstacle();
  const unplayable = ({ name: scenario }: Scenario, says: string): Played => {
    const devices = 'marks' in rig ? marksOn(rig) : {};
    return { scenario, rig: rig.name, result: 'skipped', ms: 0, checks: 0, says, ...devices, steps: [], logs: [] };
  };
  if ('playAll' in rig) {
    if (obstacle === undefined) return rig.playAll(scenarios, say, over);
    for (const scenario of scenarios) over(unplayable(scenario, obstacle));
    return;
  }
  const { atOnce, atOnceWhenIdle = atOnce } = rig;
  const isFirst = ({ isLong = false }: Scenario) => isLong && atOnceWhenIdle > 1;
  const waiting = [...scenarios.filter(isFirst), ...scenarios.filter((scenario) => !isFirst(scenario))];
  const worker = async (_: unknown, number: number) => {
    for (;;) {
      // Stories that begin use the processors most; those that are under way mostly wait.
      if (number >= atOnce) await processorsIdle(clock, IDLE_SHARE, () => waiting.length === 0);
      const scenario = waiting.shift();
      if (scenario === undefined) return;
      if (obstacle === undefined || whyMeaningless(rig, scenario) !== undefined)
        over(await play(rig, scenario, clock, say.bind(undefined, scenario.name)));
      else over(unplayable(scenario, obstacle));
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceWhenIdle, scenarios.length) }, worker));
}

function whyMeaningless(rig: Rig, { name, needs }: Scenario): string | undefined {
  const missing = needs.find((need) => !rig.offers.has(need));
  return rig.inapplicable?.(name) ?? (missing === undefined ? undefined : `The rig "${rig.name}" has no ${missing}.`);
}

function marksOn(rig: Rig): Pick<Outcome, 'devices'> {
  const devices = rig.marks?.() ?? [];
  return devices.length === 0 ? {} : { devices };
}

async function whyNot(rig: Rig, { needs }: Scenario): Promise<string | undefined> {
  for (const need of needs) {
    const lack = await rig.lacks(need);
    if (lack !== undefined) return lack;
  }
  return undefined;
}
