/** `npm run fuzz -- TARGET|all`: gives mutated inputs to everything that reads octets of strangers. */
import { readFile } from 'node:fs/promises';
import { CpnsError, describeError } from '@cpns/shared';
import { readArguments } from './arguments.js';
import { type CampaignResult, replay, runCampaign } from './campaign.js';
import { simulateTraffic } from './collect/traffic.js';
import { writeCorpus } from './corpus.js';
import { keepFinding } from './finding.js';
import { runSideBySide } from './side-by-side.js';
import type { FuzzTarget } from './target.js';
import { TARGETS } from './targets.js';

const USAGE_EXIT = 2;

function list(): string {
  const width = Math.max(...TARGETS.map(({ name }) => name.length));
  return TARGETS.map(({ name, title }) => `  ${name.padEnd(width)}  ${title}`).join('\n');
}

function help(): string {
  return [
    'Usage: npm run fuzz -- TARGET|all [--seconds N] [--seed S]',
    '       npm run fuzz -- TARGET --replay FILE',
    '       npm run fuzz -- TARGET|all --collect',
    '',
    'Gives inputs that are nearly right to everything that reads octets of strangers. They are made from the corpus in',
    'hardware-tests/fuzz/corpus, the same ones for the same seed. An input must be accepted or be refused in the documented way, in',
    'about the time that the others take; nothing may be kept of it. Several targets run in two processes side by side.',
    '',
    'Targets:',
    list(),
    '',
    'Options:',
    '  --seconds N    how long each target is fuzzed (30)',
    '  --seed S       another seed makes other inputs (1)',
    '  --inputs N     at most so many inputs',
    '  --replay FILE  one input, such as a finding was kept in',
    '  --collect      makes the corpus anew from a run of the simulation; regressions stay',
    '  --list         the targets alone',
    '',
    'Findings are printed and kept in fuzz-findings/. The last line counts the targets.',
    'Exit codes: 0 nothing found, 1 something was found or went wrong, 2 wrong usage.',
  ].join('\n');
}

function mebibytes(octets: number): string {
  return `${octets < 0 ? '-' : '+'}${(Math.abs(octets) / 2 ** 20).toFixed(1)} MiB`;
}

function summaryOf({ name }: FuzzTarget, result: CampaignResult): string {
  const { corpus, executions, perSecond, medianMs, slowestMs, heapSlope, heapGrowth, rssGrowth, findings } = result;
  const slope = heapSlope === undefined ? 'too short to tell' : `${Math.round(heapSlope)} octets per 1,000 inputs`;
  return [
    `${findings.length === 0 ? 'ok    ' : 'FAILED'}  ${name}: ${executions.toLocaleString('en')} inputs`,
    `${Math.round(perSecond).toLocaleString('en')}/s`,
    `corpus ${corpus}`,
    `median ${(medianMs * 1000).toFixed(0)} us, slowest ${slowestMs.toFixed(1)} ms`,
    `heap ${mebibytes(heapGrowth)} (${slope}), RSS ${mebibytes(rssGrowth)}`,
  ].join(', ');
}

function count(passed: number, failed: number): number {
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  return failed === 0 ? 0 : 1;
}

async function fuzzOne(target: FuzzTarget, options: Omit<Parameters<typeof runCampaign>[0], 'target' | 'progress'>): Promise<number> {
  const result = await runCampaign({
    ...options,
    target,
    progress: (passedMs, executions) =>
      process.stderr.write(`        ${target.name}: ${Math.round(passedMs / 1000)} s, ${executions.toLocaleString('en')} inputs\n`),
  });
  for (const finding of result.findings) console.log(await keepFinding(finding));
  console.log(summaryOf(target, result));
  return count(result.findings.length === 0 ? 1 : 0, result.findings.length === 0 ? 0 : 1);
}

async function collect(targets: readonly FuzzTarget[]): Promise<number> {
  console.error('Playing the simulation ...');
  const traffic = await simulateTraffic();
  for (const target of targets) {
    const seeds = await writeCorpus(target, traffic);
    console.log(target.seedsOf === undefined ? `${target.name}: ${seeds} inputs` : `${target.name}: those of ${target.seedsOf}`);
  }
  return 0;
}

async function replayFile(target: FuzzTarget, file: string): Promise<number> {
  const data = new Uint8Array(await readFile(file));
  try {
    await replay(target, [data]);
  } catch (error) {
    console.log(error instanceof Error ? error.stack : error);
    return count(0, 1);
  }
  console.log(`${target.name} accepts these ${data.length} octets or refuses them as documented.`);
  return count(1, 0);
}

async function fuzzAll(targets: readonly FuzzTarget[], seconds: number, seed: number, signal: AbortSignal): Promise<number> {
  console.error(`${targets.length} targets of ${seconds} s, two at a time: about ${Math.ceil((targets.length * (seconds + 2)) / 2)} s.`);
  let [passed, failed] = [0, 0];
  const ended = (_name: string, output: string, ok: boolean) => {
    console.log(output);
    if (ok) passed++;
    else failed++;
  };
  await runSideBySide({ names: targets.map(({ name }) => name), seconds, seed, signal, ended });
  return count(passed, failed);
}

async function main(): Promise<number> {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.once(name, () => stop.abort(new CpnsError('State', 'Aborted', 'The fuzzing was stopped.')));
  try {
    const { targets, seconds, seed, inputs, ...asked } = readArguments(process.argv.slice(2), TARGETS);
    const [target] = targets;
    if (asked.help) console.log(help());
    else if (asked.list) console.log(TARGETS.map(({ name }) => name).join('\n'));
    else if (asked.collect) return await collect(targets);
    else if (target !== undefined && asked.replay !== undefined) return await replayFile(target, asked.replay);
    else if (target !== undefined && targets.length === 1) return await fuzzOne(target, { seconds, seed, inputs, signal: stop.signal });
    else return await fuzzAll(targets, seconds, seed, stop.signal);
    return 0;
  } catch (error) {
    console.error(describeError(error).replace(/^Usage: /, ''));
    return error instanceof CpnsError && error.code === 'Usage' ? USAGE_EXIT : 1;
  }
}

process.exit(await main());
