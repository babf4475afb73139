import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CpnsError } from '@cpns/shared';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readArguments } from '../../fuzz/arguments.js';
import { replay, runCampaign } from '../../fuzz/campaign.js';
import { keepFinding } from '../../fuzz/finding.js';
import { slopeOf } from '../../fuzz/memory.js';
import { must, unlessRefused } from '../../fuzz/oracle.js';
import { StepBudget } from '../../fuzz/step-budget.js';
import type { FuzzTarget } from '../../fuzz/target.js';
import { TARGETS } from '../../fuzz/targets.js';

/** A target with the seeds of another one and this fault in it. */
function faulty(fuzz: (data: Uint8Array) => void | Promise<void>): FuzzTarget {
  return { name: 'faulty', title: 'a planted fault', seedsOf: 'pn-message', open: () => ({ fuzz }) };
}

async function campaign(target: FuzzTarget, inputs = 2_000, seconds = 60) {
  const signal = new AbortController().signal;
  return runCampaign({ target, seed: 1, seconds, inputs, signal, progress: () => {} });
}

describe('a campaign', () => {
  it('finds an exception that is not documented, once, and gives it back for a replay', async () => {
    const target = faulty((data) => {
      if (data.length === 0) throw new RangeError('nothing there');
    });
    const { findings, executions } = await campaign(target);
    expect(executions).toBe(2_000);
    expect(findings).toMatchObject([{ target: 'faulty', alone: true, error: { message: 'nothing there' } }]);
    await expect(replay(target, [findings[0]?.data ?? new Uint8Array(1)])).rejects.toThrow('nothing there');
  });

  it('makes the same inputs for the same seed', async () => {
    const runs: string[][] = [[], []];
    for (const run of runs)
      await campaign(
        faulty((data) => void run.push(Buffer.from(data).toString('hex'))),
        200,
      );
    expect(runs[0]).toEqual(runs[1]);
    expect(new Set(runs[0]).size).toBeGreaterThan(150);
  });

  it('finds what is thrown later, in a timer or a forgotten promise', async () => {
    const { findings } = await campaign(
      faulty((data) => {
        if (data.length === 1) void Promise.reject(new Error('nobody waits for it'));
      }),
    );
    expect(findings).toMatchObject([{ error: { message: 'nobody waits for it' } }]);
  });

  it('says when an input alone does not show it', async () => {
    let given = 0;
    const { findings } = await campaign(
      faulty(() => {
        if (++given === 700) throw new Error('one too many');
      }),
    );
    expect(findings).toMatchObject([{ alone: false, error: { message: 'one too many' } }]);
    const cwd = process.cwd();
    const directory = await mkdtemp(join(tmpdir(), 'cpns-fuzz-'));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    process.chdir(directory);
    onTestFinished(() => process.chdir(cwd));
    const [finding] = findings;
    if (finding === undefined) throw new Error('no finding');
    expect(await keepFinding(finding)).toContain(`--seed 1 --inputs ${finding.number}`);
  });

  it('finds what is always slow, not what was slow once', async () => {
    const until = (ms: number) => {
      for (const end = performance.now() + ms; performance.now() < end; );
    };
    let given = 0;
    const { findings } = await campaign(
      faulty((data) => {
        if (++given === 1_500 || data.length === 0) until(120);
      }),
    );
    expect(findings).toMatchObject([{ data: new Uint8Array(0), error: { message: expect.stringContaining('one input takes') } }]);
  });

  it('finds what is kept of every input', async () => {
    const kept: Uint8Array[] = [];
    const { findings, heapSlope } = await campaign(
      faulty(() => void kept.push(new Uint8Array(2_000))),
      20_000,
    );
    expect(heapSlope).toBeGreaterThan(1_000_000);
    expect(findings).toMatchObject([{ error: { code: 'MemoryGrows' } }]);
  });
});

describe('what it is made of', () => {
  it('refusals are those of the documented families', () => {
    const refuse = (family: 'Codec' | 'Internal') => () => {
      throw new CpnsError(family, 'Any', 'Any.');
    };
    expect(unlessRefused(['Codec'], () => 1)).toBe(1);
    expect(unlessRefused(['Codec'], refuse('Codec'))).toBeUndefined();
    expect(() => unlessRefused(['Codec'], refuse('Internal'))).toThrow();
    expect(() => must(false, 'a sentence')).toThrow('a sentence');
  });

  it('the budget of an input follows the median', () => {
    const budget = new StepBudget();
    expect(budget.limitMs).toBe(Number.POSITIVE_INFINITY);
    for (let i = 0; i < 512; i++) budget.note(i < 400 ? 1 : 1_000);
    expect([budget.medianMs, budget.limitMs]).toEqual([1, 200]);
  });

  it('the slope is that of the line of least squares', () => {
    expect(slopeOf([1, 2, 3].map((x) => ({ x, y: 10 - 2 * x })))).toBeCloseTo(-2);
    expect(slopeOf([{ x: 1, y: 5 }])).toBe(0);
  });

  it('the arguments are checked', () => {
    expect(readArguments(['all'], TARGETS).targets).toBe(TARGETS);
    expect(readArguments(['cbor', '--seed', '7', '--seconds', '2'], TARGETS)).toMatchObject({ seed: 7, seconds: 2 });
    for (const words of [[], ['nothing'], ['all', '--replay', 'x'], ['cbor', '--seconds', 'x'], ['cbor', '--odd']]) {
      expect(() => readArguments(words, TARGETS)).toThrow(expect.objectContaining({ code: 'Usage' }));
    }
  });
});
