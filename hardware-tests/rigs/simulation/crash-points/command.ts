import { availableParallelism } from 'node:os';
import { CpnsError } from '@cpns/shared';
import { plural, table } from '@cpns/shared/node';
import { Workers } from '../workers.js';
import { FLOWS } from './flows.js';
import type { Outcome } from './play.js';
import type { Answer, Task } from './worker.js';

type Players = Workers<Task, Answer>;

/** Flow, side and point: FLOW, FLOW/SIDE or FLOW/SIDE/N. */
const SYNTAX = /^([a-z-]+)(?:\/([a-z-]+)(?:\/([1-9]\d{0,3}))?)?$/;

/** One side of a flow, with the one point that was asked for or all. */
interface Asked {
  readonly flow: string;
  readonly side: string;
  readonly n: number | undefined;
}

interface Played extends Asked {
  readonly outcomes: readonly Outcome[];
  /** Why the points could not be played at all. */
  readonly error?: string;
}

/**
 * Plays crash points and prints what came out. `names`: FLOW, FLOW/SIDE or FLOW/SIDE/N; none: every point of every flow.
 * Returns the exit code. @throws CpnsError Config/Usage
 */
export async function playCrashPoints(names: readonly string[], print: (line: string) => void): Promise<number> {
  const asked = names.length === 0 ? everySide() : names.flatMap(sidesNamed);
  const workers: Players = new Workers(new URL('./worker.js', import.meta.url), availableParallelism());
  const played: Played[] = [];
  try {
    print(
      `${plural(asked.length, 'side')} of ${plural(new Set(asked.map(({ flow }) => flow)).size, 'flow')}; each loses its power at each commit and each message.`,
    );
    // All are begun at once; they are shown in their order.
    for (const playing of asked.map((one) => playSide(workers, one))) {
      const side = await playing;
      played.push(side);
      show(side, print);
    }
  } finally {
    await workers.close();
  }
  return conclude(played, print);
}

function everySide(): Asked[] {
  return FLOWS.flatMap(({ name, sides }) => Object.keys(sides).map((side) => ({ flow: name, side, n: undefined })));
}

function sidesNamed(name: string): Asked[] {
  const [, flow, side, n] = SYNTAX.exec(name) ?? [];
  const found = everySide().filter((one) => one.flow === flow && (side === undefined || one.side === side));
  if (found.length > 0) return found.map((one) => ({ ...one, n: n === undefined ? undefined : Number(n) }));
  const known = FLOWS.map(({ name: own, sides }) => `${own} (${Object.keys(sides).join(', ')})`).join('; ');
  throw new CpnsError('Config', 'Usage', `There is no crash point "${name}"; the flows with their sides: ${known}.`);
}

async function playSide(workers: Players, { flow, side, n }: Asked): Promise<Played> {
  const outcomes: Outcome[] = [];
  try {
    const points = n === undefined ? await countOf(workers, flow, side) : [n];
    await Promise.all(points.map(async (point) => outcomes.push(await outcomeOf(workers, { flow, side, n: point }))));
    outcomes.sort((a, b) => a.n - b.n);
    return { flow, side, n, outcomes };
  } catch (error) {
    return { flow, side, n, outcomes, error: (error as Error).message };
  }
}

async function countOf(workers: Players, flow: string, side: string): Promise<number[]> {
  const answer = await workers.run({ flow, side });
  if ('deeds' in answer) return answer.deeds.map((_, index) => index + 1);
  throw new Error('error' in answer ? answer.error : 'the thread answered something else');
}

async function outcomeOf(workers: Players, task: Task): Promise<Outcome> {
  const answer = await workers.run(task);
  if ('outcome' in answer) return answer.outcome;
  throw new Error('error' in answer ? answer.error : 'the thread answered something else');
}

function show({ flow, side, n, outcomes, error }: Played, print: (line: string) => void): void {
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0);
  const stood = outcomes.filter(({ stands }) => stands).length;
  const points = `${plural(outcomes.length, 'crash point').padStart(16)}: ${stood} done, ${outcomes.length - stood} undone`;
  print(`${error === undefined && failed.length === 0 ? 'passed' : 'failed'}  ${`${flow}/${side}`.padEnd(34)} ${points}`);
  if (error !== undefined) print(`  | ${error}`);
  for (const outcome of n === undefined ? failed : outcomes) {
    const heard = outcome.told.length === 0 ? 'nobody was told anything' : `who asked was told: ${outcome.told.join(', ')}`;
    print(`  | after ${outcome.n}. "${outcome.deed}": ${heard}; it is ${outcome.stands ? 'done' : 'undone'}`);
    for (const sentence of outcome.wrong) print(`  |   ${sentence}`);
    if (n === undefined) print(`  |   again: npm run rig -- simulation --crash-points ${flow}/${side}/${outcome.n}`);
  }
}

function conclude(played: readonly Played[], print: (line: string) => void): number {
  const sides = [...new Set(played.map(({ side }) => side))];
  const flows = [...new Set(played.map(({ flow }) => flow))];
  const cell = (flow: string, side: string) => {
    const one = played.find((candidate) => candidate.flow === flow && candidate.side === side);
    return one === undefined ? '' : String(one.outcomes.length);
  };
  print('\nCrash points:');
  for (const line of table([['', ...sides], ...flows.map((flow) => [flow, ...sides.map((side) => cell(flow, side))])])) print(line);
  const outcomes = played.flatMap((one) => one.outcomes);
  const broken = played.filter(({ error }) => error !== undefined).length;
  const failed = outcomes.filter(({ wrong }) => wrong.length > 0).length;
  print(`${outcomes.length - failed} passed, ${failed + broken} failed, 0 skipped`);
  return failed + broken === 0 ? 0 : 1;
}
