import { parseArgs } from 'node:util';
import { CpnsError } from '@cpns/shared';
import type { Scenario } from '../scenarios/scenario.js';
import type { Rig } from './rig.js';

export interface RigArguments {
  readonly help: boolean;
  readonly list: boolean;
  readonly verbose: boolean;
  readonly json: boolean;
  /** Logs of passed scenarios too. */
  readonly logs: boolean;
  /** Which crash points of the rig `simulation` to play, an empty list for all. Undefined: scenarios are played. */
  readonly crashPoints: readonly string[] | undefined;
  /** Directory for the report. */
  readonly report: string | undefined;
  readonly rig: Rig | undefined;
  /** What was asked for, or all. */
  readonly scenarios: readonly Scenario[];
}

/** @throws CpnsError Config/Usage */
export function readArguments(words: readonly string[], rigs: readonly Rig[], scenarios: readonly Scenario[]): RigArguments {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    list: { type: 'boolean', default: false },
    verbose: { type: 'boolean', short: 'v', default: false },
    json: { type: 'boolean', default: false },
    logs: { type: 'boolean', default: false },
    report: { type: 'string' },
    'crash-points': { type: 'boolean', default: false },
  } as const;
  let parsed: ReturnType<typeof parse>;
  const parse = () => parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  try {
    parsed = parse();
  } catch (cause) {
    throw new CpnsError('Config', 'Usage', `${(cause as Error).message}. See --help.`, { cause });
  }
  const { help, list, verbose, json, logs, report } = parsed.values;
  const [rigName, ...names] = parsed.positionals;
  const crashPoints = parsed.values['crash-points'] ? names : undefined;
  if (crashPoints !== undefined && rigName !== 'simulation')
    throw new CpnsError('Config', 'Usage', 'Crash points are those of the rig simulation: npm run rig -- simulation --crash-points.');
  const rig = rigs.find(({ name }) => name === rigName);
  if (rigName !== undefined && rig === undefined && crashPoints === undefined) {
    throw new CpnsError('Config', 'Usage', `There is no rig "${rigName}"; there is: ${rigs.map(({ name }) => name).join(', ')}.`);
  }
  if (rig === undefined && !help && !list && crashPoints === undefined)
    throw new CpnsError('Config', 'Usage', 'Say which rig: npm run rig -- RIG [SCENARIO...]. See --help.');
  return {
    help,
    list,
    verbose,
    json,
    logs,
    crashPoints,
    report,
    rig,
    scenarios: names.length === 0 || crashPoints !== undefined ? scenarios : names.flatMap((name) => named(name, scenarios)),
  };
}

/** The scenario of that name and those of the theme of that name. @throws CpnsError Config/Usage */
function named(name: string, scenarios: readonly Scenario[]): Scenario[] {
  const found = scenarios.filter((scenario) => scenario.name === name || scenario.name.startsWith(`${name}/`));
  if (found.length === 0) throw new CpnsError('Config', 'Usage', `There is no scenario "${name}"; --list shows them all.`);
  return found;
}
