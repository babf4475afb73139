/** `npm run soak -- --minutes N`: a server with many restless homes; the last line is one JSON object. */
import { parseArgs } from 'node:util';
import { CpnsError, describeError } from '@cpns/shared';
import { Household } from '../benchmarks/household.js';
import { tableLines } from '../benchmarks/table.js';
import { judge } from './judgement.js';
import { soak } from './soak.js';

const FAILED_EXIT = 1;
const USAGE_EXIT = 2;
const DEFAULTS = { minutes: 10, gateways: 200 } as const;

const HELP = [
  'Usage: npm run soak -- [--minutes N] [--gateways N] [--seed N]',
  '',
  'Runs a CPNS Server for a while with many PN GWs and PNEs that talk, lose their connections, crash, come back, leave their personal',
  'networks and make new ones, over MQTT and TLS-PSK on the loopback interface. Tells every ten seconds how the server is, and at the end',
  'whether anything was lost, arrived twice, or leaks. The last line is one JSON object. Progress goes to standard error.',
  '',
  'Options:',
  `  --minutes N   how long the devices live, without beginning and end (default: ${DEFAULTS.minutes}; growth is judged from 8.5 on)`,
  `  --gateways N  homes of one PN GW and one PNE each (default: ${DEFAULTS.gateways})`,
  '  --seed N      what happens to each home depends on it (default: chosen and told)',
  '',
  'Exit codes: 0 all is well, 1 something is not or failed, 2 wrong usage.',
].join('\n');

/** @throws CpnsError Config/Usage */
function number(name: string, text: string | undefined, fallback: number, least: number, most: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (text?.trim() !== '' && value >= least && value <= most) return value;
  throw new CpnsError('Config', 'Usage', `--${name} takes a number from ${least} to ${most}.`);
}

function readArguments() {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({ options: { minutes: text, gateways: text, seed: text, help: { type: 'boolean', short: 'h' } } });
  return {
    help: values.help === true,
    minutes: number('minutes', values.minutes, DEFAULTS.minutes, 0.1, 10_000),
    gateways: Math.round(number('gateways', values.gateways, DEFAULTS.gateways, 1, 2_000)),
    seed: Math.round(number('seed', values.seed, Date.now() % 1_000_000, 0, 2 ** 32 - 1)),
  };
}

async function run({ minutes, gateways, seed }: ReturnType<typeof readArguments>, signal: AbortSignal): Promise<number> {
  const say = (sentence: string) => void process.stderr.write(`${sentence}\n`);
  say(`Seed ${seed}.`);
  const options = { minutes, gateways, seed, signal, say };
  const result = await Household.use({ smoke: false, signal, say }, (household) => soak(household, options), { probed: true });
  const { tables, faults, notes, figures } = judge(result);
  for (const table of tables) console.log(`${tableLines(table).join('\n')}\n`);
  for (const note of notes) console.log(`- ${note}`);
  for (const fault of faults) console.log(`WRONG: ${fault}`);
  console.log(JSON.stringify({ minutes, gateways, seed, ...figures }));
  return faults.length === 0 ? 0 : FAILED_EXIT;
}

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new CpnsError('State', 'Aborted', 'The soak was stopped.')));
  let asked: ReturnType<typeof readArguments>;
  try {
    asked = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\nMore with: npm run soak -- --help`);
    return USAGE_EXIT;
  }
  if (asked.help) {
    console.log(HELP);
    return 0;
  }
  try {
    return await run(asked, stop.signal);
  } catch (error) {
    console.error(`soak: ${describeError(error)}`);
    return FAILED_EXIT;
  }
}

process.exit(await main());
