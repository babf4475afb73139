import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { CpnsError } from '@cpns/shared';
import { SeededChoices } from '@cpns/shared/testing';
import { readCorpus } from './corpus.js';
import { type Finding, kindOf } from './finding.js';
import { memoryUse, slopeOf } from './memory.js';
import { Mutator } from './mutator.js';
import { Violation } from './oracle.js';
import { StepBudget } from './step-budget.js';
import type { FuzzTarget, OpenTarget } from './target.js';

export interface CampaignOptions {
  readonly target: FuzzTarget;
  readonly seed: number;
  readonly seconds: number;
  /** At most so many inputs beside the corpus. */
  readonly inputs: number;
  readonly signal: AbortSignal;
  /** Called about every ten seconds. */
  readonly progress: (passedMs: number, executions: number) => void;
}

export interface CampaignResult {
  readonly corpus: number;
  readonly executions: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly slowestMs: number;
  readonly findings: readonly Finding[];
  /** Octets per 1,000 inputs after the warm-up; undefined when the run was too short to tell. */
  readonly heapSlope: number | undefined;
  /** Octets from the end of the warm-up to the end of the run. */
  readonly heapGrowth: number;
  readonly rssGrowth: number;
}

const PROGRESS_MS = 10_000;
/** Inputs between two turns of the event loop when the target needs none, and how long they may take together. */
const BATCH = 64;
const BATCH_MS = 100;
const MOST_FINDINGS = 5;
const REPETITIONS = 3;
const MEMORY_SAMPLES = 12;
/** The first part of a run fills caches. */
const WARM_UP = 0.25;
/** Growth that is still taken for the engine's own. */
const TOLERATED_GROWTH = 6 * 1024 * 1024;

/** A target with what escaped from it: exceptions in timers and in handlers of events, and warnings, which people would see. */
class Bench {
  readonly #escaped: unknown[] = [];
  readonly #note = (error: unknown) => void this.#escaped.push(error);
  #open: OpenTarget | undefined;

  constructor(readonly target: FuzzTarget) {
    process.on('uncaughtException', this.#note);
    process.on('unhandledRejection', this.#note);
    process.on('warning', this.#note);
  }

  async set(): Promise<void> {
    await this.#open?.close?.();
    this.#open = await this.target.open();
  }

  /** What went wrong with this input, or undefined. */
  try(data: Uint8Array): { readonly error: unknown } | undefined | Promise<{ readonly error: unknown } | undefined> {
    try {
      const running = this.#open?.fuzz(data);
      if (running === undefined) return undefined;
      return running.then(
        () => this.takeEscaped(),
        (error: unknown) => ({ error }),
      );
    } catch (error) {
      return { error };
    }
  }

  /** {@link try}, and what escaped a turn later. */
  async tryAndSettle(data: Uint8Array): Promise<{ readonly error: unknown } | undefined> {
    const failure = await this.try(data);
    await turn();
    return failure ?? this.takeEscaped();
  }

  takeEscaped(): { readonly error: unknown } | undefined {
    const [error] = this.#escaped.splice(0);
    return error === undefined ? undefined : { error };
  }

  async clear(): Promise<void> {
    await this.#open?.close?.();
    process.off('uncaughtException', this.#note);
    process.off('unhandledRejection', this.#note);
    process.off('warning', this.#note);
  }
}

/** Gives one target the whole corpus and then mutations of it, and watches what it does, how long it takes and what it keeps. */
export async function runCampaign({ target, seed, seconds, inputs, signal, progress }: CampaignOptions): Promise<CampaignResult> {
  const corpus = await readCorpus(target);
  const mutator = new Mutator(
    new SeededChoices(seed),
    corpus.map(({ data }) => data),
    target.tokens,
    target.reshape,
  );
  const bench = new Bench(target);
  const findings: Finding[] = [];
  const kinds = new Set<string>();
  const found = async (number: number, data: Uint8Array, error: unknown) => {
    if (kinds.has(kindOf(error))) return;
    kinds.add(kindOf(error));
    await bench.set();
    const alone = (await bench.tryAndSettle(data)) !== undefined;
    findings.push({ target: target.name, seed, number, data: data.slice(), error, alone: alone || isSlow(error) });
    await bench.set();
  };

  await bench.set();
  for (const { data } of corpus) {
    const failure = await bench.tryAndSettle(data);
    if (failure !== undefined) await found(0, data, failure.error);
  }

  const budget = new StepBudget(target.allowedMs);
  const memory: { x: number; y: number; rss: number }[] = [];
  const limitMs = seconds * 1_000;
  const startedMs = performance.now();
  let [number, slowestMs, toldMs, passedMs] = [0, 0, 0, 0];
  for (; passedMs < limitMs && number < inputs && findings.length < MOST_FINDINGS; passedMs = performance.now() - startedMs) {
    let data: Uint8Array = new Uint8Array(0);
    const batchUntilMs = performance.now() + BATCH_MS;
    for (let left = BATCH; left > 0 && number < inputs && performance.now() < batchUntilMs; left--) {
      data = mutator.next();
      number++;
      const begunMs = performance.now();
      const running = bench.try(data);
      const failure = running instanceof Promise ? await running : running;
      const tookMs = performance.now() - begunMs;
      budget.note(tookMs);
      slowestMs = Math.max(slowestMs, tookMs);
      if (failure !== undefined) await found(number, data, failure.error);
      else if (tookMs > budget.limitMs && (await isAlwaysSlow(bench, data, budget.limitMs))) {
        await found(number, data, new Slow(`one input takes ${tookMs.toFixed(0)} ms, the median is ${budget.medianMs.toFixed(3)} ms`));
      }
    }
    await turn();
    const escaped = bench.takeEscaped();
    if (escaped !== undefined) await found(number, data, escaped.error);
    if (signal.aborted) throw signal.reason;
    const share = Math.max(passedMs / limitMs, number / inputs);
    if (memory.length < MEMORY_SAMPLES && share >= WARM_UP + ((1 - WARM_UP) * memory.length) / MEMORY_SAMPLES) {
      const { heap, rss } = memoryUse();
      memory.push({ x: number / 1_000, y: heap, rss });
    }
    if (passedMs - toldMs >= PROGRESS_MS) {
      toldMs = passedMs;
      progress(passedMs, number);
    }
  }
  const last = memoryUse();
  memory.push({ x: number / 1_000, y: last.heap, rss: last.rss });
  await bench.clear();

  const first = memory[0] ?? { y: last.heap, rss: last.rss };
  const heapSlope = memory.length >= MEMORY_SAMPLES ? slopeOf(memory) : undefined;
  const heapGrowth = heapSlope === undefined ? 0 : heapSlope * ((memory.at(-1)?.x ?? 0) - (memory[0]?.x ?? 0));
  if (heapGrowth > TOLERATED_GROWTH) {
    const error = new CpnsError('Internal', 'MemoryGrows', `${Math.round(heapSlope ?? 0)} octets are kept of every 1,000 inputs.`);
    findings.push({ target: target.name, seed, number, data: new Uint8Array(0), error, alone: false });
  }
  return {
    corpus: corpus.length,
    executions: number,
    perSecond: number / (passedMs / 1_000),
    medianMs: budget.medianMs,
    slowestMs,
    findings,
    heapSlope,
    heapGrowth: last.heap - first.y,
    rssGrowth: last.rss - first.rss,
  };
}

class Slow extends Violation {}

function isSlow(error: unknown): boolean {
  return error instanceof Slow;
}

/** Not a pause of the engine or of the machine: the fastest of several tries is too slow, too. */
async function isAlwaysSlow(bench: Bench, data: Uint8Array, limitMs: number): Promise<boolean> {
  for (let left = REPETITIONS; left > 0; left--) {
    const begunMs = performance.now();
    await bench.try(data);
    if (performance.now() - begunMs <= limitMs) return false;
  }
  return true;
}

/** Gives a target these inputs, one after another. @throws what it threw at the first that it did not take as documented */
export async function replay(target: FuzzTarget, inputs: readonly Uint8Array[]): Promise<void> {
  const bench = new Bench(target);
  try {
    await bench.set();
    for (const data of inputs) {
      const failure = await bench.tryAndSettle(data);
      if (failure !== undefined) throw failure.error;
    }
  } finally {
    await bench.clear();
  }
}
