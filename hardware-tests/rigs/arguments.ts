import { parseArgs } from 'node:util';
import { CpnsError } from '@cpns/shared';
import type { Scenario } from '../scenarios/scenario.js';
import { CONTROLLERS, type Controllers } from './air/air-rig.js';
import type { RemoteRig, Rig, RigFamily } from './rig.js';
import { PANS } from './simulation/schedules/actions.js';
import type { ScheduleOptions } from './simulation/schedules/command.js';

export interface RigArguments {
  readonly help: boolean;
  readonly list: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  /** Logs of passed scenarios too. */
  readonly logs: boolean;
  /** Which crash points of the rig `simulation` to play, an empty list for all. Undefined: scenarios are played. */
  readonly crashPoints: readonly string[] | undefined;
  /** Random schedules of the rig `simulation` to play. Undefined: scenarios are played. */
  readonly schedules: ScheduleOptions | undefined;
  /** Directory for the report. */
  readonly report: string | undefined;
  /** Configuration file of the rig. */
  readonly config: string | undefined;
  /** Whose controllers the rig `air` has. */
  readonly controllers: Controllers | undefined;
  readonly rig: Rig | RigFamily | RemoteRig | undefined;
  /** What was asked for, or all. */
  readonly scenarios: readonly Scenario[];
}

/** @throws CpnsError Config/Usage */
export function readArguments(
  words: readonly string[],
  rigs: readonly (Rig | RigFamily | RemoteRig)[],
  all: readonly Scenario[],
): RigArguments {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    list: { type: 'boolean', default: false },
    verbose: { type: 'boolean', short: 'v', default: false },
    json: { type: 'boolean', default: false },
    logs: { type: 'boolean', default: false },
    report: { type: 'string' },
    config: { type: 'string' },
    controller: { type: 'string' },
    'crash-points': { type: 'boolean', default: false },
    schedules: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    only: { type: 'string' },
    'fail-fast': { type: 'boolean', default: false },
    planted: { type: 'boolean', default: false },
    pan: { type: 'string' },
  } as const;
  let parsed: ReturnType<typeof parse>;
  const parse = () => parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  try {
    parsed = parse();
  } catch (cause) {
    throw new CpnsError('Config', 'Usage', `${(cause as Error).message}. See --help.`, { cause });
  }
  const { help, list, verbose, json, logs, report, config } = parsed.values;
  const [rigName, ...names] = parsed.positionals;
  const crashPoints = parsed.values['crash-points'] ? names : undefined;
  if (crashPoints !== undefined && rigName !== 'simulation')
    throw new CpnsError('Config', 'Usage', 'Crash points are those of the rig simulation: npm run rig -- simulation --crash-points.');
  const schedules = scheduleOptions(parsed.values);
  if (schedules !== undefined && (rigName !== 'simulation' || names.length > 0))
    throw new CpnsError('Config', 'Usage', 'Schedules are those of the rig simulation: npm run rig -- simulation --schedules 100.');
  const special = crashPoints !== undefined || schedules !== undefined;
  const rig = rigs.find(({ name }) => name === rigName);
  if (rigName !== undefined && rig === undefined && !special) {
    throw new CpnsError('Config', 'Usage', `There is no rig "${rigName}"; there is: ${rigs.map(({ name }) => name).join(', ')}.`);
  }
  const scenarios = rig !== undefined && 'scenarios' in rig ? rig.scenarios : all;
  if (rig === undefined && !help && !list && !special)
    throw new CpnsError('Config', 'Usage', 'Say which rig: npm run rig -- RIG [SCENARIO...]. See --help.');
  const controllers = controllersNamed(parsed.values.controller);
  if (controllers !== undefined && rigName !== 'air')
    throw new CpnsError('Config', 'Usage', 'Only the rig air has controllers: npm run rig -- air --controller btvirt.');
  if (config !== undefined && rigName !== 'bench') throw new CpnsError('Config', 'Usage', 'Only the rig bench has a configuration file.');
  return {
    help,
    list,
    verbose,
    json,
    logs,
    crashPoints,
    schedules,
    report,
    config,
    controllers,
    rig,
    scenarios: names.length === 0 || special ? scenarios : names.flatMap((name) => named(name, scenarios)),
  };
}

/** @throws CpnsError Config/Usage */
function controllersNamed(name: string | undefined): Controllers | undefined {
  const found = CONTROLLERS.find((one) => one === name);
  if (name === undefined || found !== undefined) return found;
  throw new CpnsError('Config', 'Usage', `There are no controllers "${name}"; there are: ${CONTROLLERS.join(', ')}.`);
}

interface ScheduleWords {
  readonly schedules?: string | undefined;
  readonly seed?: string | undefined;
  readonly trace: boolean;
  readonly only?: string | undefined;
  readonly 'fail-fast': boolean;
  readonly planted: boolean;
  readonly pan?: string | undefined;
}

/** A seed alone stands for its one schedule. @throws CpnsError Config/Usage */
function scheduleOptions({
  schedules,
  seed,
  trace,
  only,
  planted,
  pan = 'lan',
  'fail-fast': failFast,
}: ScheduleWords): ScheduleOptions | undefined {
  if (schedules === undefined && seed === undefined && !trace && only === undefined && !planted) return undefined;
  if ((trace || only !== undefined) && seed === undefined)
    throw new CpnsError('Config', 'Usage', 'Say of which schedule: add --seed with the number that a failure has printed.');
  const found = PANS.find((one) => one === pan);
  if (found === undefined) throw new CpnsError('Config', 'Usage', `"${pan}" is nothing for --pan: use ${PANS.join(', ')}.`);
  return {
    pan: found,
    schedules: wholeNumber('--schedules', schedules ?? '1', 1),
    seed: wholeNumber('--seed', seed ?? '1', 0),
    trace,
    failFast,
    planted,
    only: only === undefined ? undefined : only.split(',').flatMap((at) => (at === 'none' ? [] : wholeNumber('--only', at, 0))),
  };
}

function wholeNumber(option: string, text: string, least: number): number {
  const number = /^\d{1,9}$/.test(text) ? Number(text) : -1;
  if (number < least) throw new CpnsError('Config', 'Usage', `"${text}" is no number for ${option}: use a whole one from ${least} on.`);
  return number;
}

/** The scenario of that name and those of the theme of that name. @throws CpnsError Config/Usage */
function named(name: string, scenarios: readonly Scenario[]): Scenario[] {
  const found = scenarios.filter((scenario) => scenario.name === name || scenario.name.startsWith(`${name}/`));
  if (found.length === 0) throw new CpnsError('Config', 'Usage', `There is no scenario "${name}" on this rig; --list shows them all.`);
  return found;
}
