import { parseArgs } from 'node:util';
import { CpnsError } from '@cpns/shared';
import type { FuzzTarget } from './target.js';

export interface FuzzArguments {
  readonly help: boolean;
  readonly list: boolean;
  readonly collect: boolean;
  readonly seconds: number;
  readonly seed: number;
  /** At most so many inputs. */
  readonly inputs: number;
  /** File to give to the one target. */
  readonly replay: string | undefined;
  readonly targets: readonly FuzzTarget[];
}

const ALL = 'all';
const DEFAULT_SECONDS = 30;

/** @throws CpnsError Config/Usage */
export function readArguments(words: readonly string[], known: readonly FuzzTarget[]): FuzzArguments {
  const options = {
    help: { type: 'boolean', short: 'h', default: false },
    list: { type: 'boolean', default: false },
    collect: { type: 'boolean', default: false },
    seconds: { type: 'string', default: String(DEFAULT_SECONDS) },
    seed: { type: 'string', default: '1' },
    inputs: { type: 'string' },
    replay: { type: 'string' },
  } as const;
  const parse = () => parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
  let parsed: ReturnType<typeof parse>;
  try {
    parsed = parse();
  } catch (cause) {
    throw usage((cause as Error).message, cause);
  }
  const { values, positionals } = parsed;
  const { help, list, collect, replay } = values;
  const targets = positionals.includes(ALL) ? known : positionals.map((name) => named(name, known));
  if (targets.length === 0 && !help && !list) throw usage('Say what to fuzz: npm run fuzz -- TARGET|all');
  if (replay !== undefined && targets.length !== 1) throw usage('--replay takes one target');
  return {
    help,
    list,
    collect,
    replay,
    targets,
    seconds: whole('seconds', values.seconds, 86_400),
    seed: whole('seed', values.seed, 0xffff_ffff),
    inputs: values.inputs === undefined ? Number.POSITIVE_INFINITY : whole('inputs', values.inputs, Number.MAX_SAFE_INTEGER),
  };
}

function named(name: string, known: readonly FuzzTarget[]): FuzzTarget {
  const target = known.find((candidate) => candidate.name === name);
  if (target === undefined) throw usage(`There is no target "${name}"`);
  return target;
}

function whole(name: string, text: string, most: number): number {
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || value > most) throw usage(`--${name} takes a whole number from 0 to ${most}`);
  return value;
}

function usage(sentence: string, cause?: unknown): CpnsError {
  return new CpnsError('Config', 'Usage', `${sentence.replace(/\.$/, '')}. See --help, and --list for all targets.`, { cause });
}
