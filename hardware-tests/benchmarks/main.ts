/** `npm run bench -- NAME [--smoke]`: a table for people, then one JSON object as the last line. */
import { parseArgs } from 'node:util';
import { CpnsError, describeError } from '@cpns/shared';
import type { Benchmark } from './benchmark.js';
import { BENCHMARKS } from './registry.js';
import { tableLines } from './table.js';

const USAGE_EXIT = 2;
const MORE = 'More with: npm run bench -- --help';

function list(): string {
  const width = Math.max(...BENCHMARKS.map(({ name }) => name.length));
  return BENCHMARKS.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`).join('\n');
}

function help(): string {
  const figures = BENCHMARKS.map(({ name, figures }) => {
    const width = Math.max(...Object.keys(figures).map((key) => key.length));
    return [`${name}:`, ...Object.entries(figures).map(([key, meaning]) => `  ${key.padEnd(width)}  ${meaning}`)].join('\n');
  });
  return [
    'Usage: npm run bench -- NAME [--smoke]',
    '',
    'Measures and prints a table; the last line is one JSON object. Progress goes to standard error.',
    '',
    list(),
    '',
    'Options:',
    '  --smoke  few rounds: shows that the benchmark works, its figures mean little',
    '  --list   the names alone',
    '',
    'Figures:',
    ...figures,
    '',
    'Exit codes: 0 measured, 1 something failed, 2 wrong usage.',
  ].join('\n');
}

async function measure(benchmark: Benchmark, smoke: boolean, signal: AbortSignal): Promise<void> {
  const { tables, notes, figures } = await benchmark.run({
    smoke,
    signal,
    say: (sentence) => process.stderr.write(`${sentence}\n`),
  });
  for (const table of tables) console.log(`${tableLines(table).join('\n')}\n`);
  for (const note of notes) console.log(`- ${note}`);
  if (smoke) console.log('- Few rounds only (--smoke): the figures mean little.');
  console.log(JSON.stringify(figures));
}

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new CpnsError('State', 'Aborted', 'The benchmark was stopped.')));
  const options = { smoke: { type: 'boolean' }, list: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
  let asked: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    asked = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    console.error(`${(error as Error).message}\n${MORE}`);
    return USAGE_EXIT;
  }
  const { values, positionals } = asked;
  const wanted = BENCHMARKS.find(({ name }) => name === positionals[0]);
  if (values.help) console.log(help());
  else if (values.list) console.log(BENCHMARKS.map(({ name }) => name).join('\n'));
  else if (wanted === undefined || positionals.length > 1) {
    console.error(`Name one benchmark:\n${list()}\n${MORE}`);
    return USAGE_EXIT;
  } else {
    try {
      await measure(wanted, values.smoke === true, stop.signal);
    } catch (error) {
      console.error(`${wanted.name}: ${describeError(error)}`);
      return 1;
    }
  }
  return 0;
}

process.exitCode = await main();
