import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { matrixOf, matrixText, outcomesOf, totals } from '../../report/matrix.js';
import { addToReport } from '../../report/report-files.js';
import type { Outcome } from '../../rigs/player.js';

const outcome = (scenario: string, rig: string, result: Outcome['result'], says?: string): Outcome => ({
  scenario,
  rig,
  result,
  ms: 1_234,
  checks: 3,
  ...(says !== undefined && { says }),
});

const SOME = [
  outcome('pair-two', 'lan', 'passed'),
  outcome('outsiders', 'lan', 'skipped', 'avahi is missing.'),
  outcome('pair-two', 'air', 'failed', 'the codes differ'),
  outcome('outsiders', 'air', 'not applicable', 'there is no IP.'),
];

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cpns-report-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('the table of scenarios and rigs', () => {
  it('shows every outcome, and skipped as skipped', () => {
    expect(matrixText(matrixOf(SOME))).toEqual([
      'scenario   air             lan',
      'pair-two   failed 1.2 s    passed 1.2 s',
      'outsiders  not applicable  skipped',
      '',
      'pair-two on air: the codes differ',
      'outsiders on lan: avahi is missing.',
      'outsiders on air: there is no IP.',
    ]);
  });

  it('counts', () => {
    expect(totals(SOME)).toBe('1 passed, 1 failed, 1 skipped');
    expect(totals([])).toBe('0 passed, 0 failed, 0 skipped');
  });

  it('keeps the last outcome of a scenario on a rig', () => {
    const matrix = matrixOf([...SOME, outcome('pair-two', 'air', 'passed')]);
    expect(outcomesOf(matrix)).toHaveLength(4);
    expect(matrix.rows[0]?.outcomes.air?.result).toBe('passed');
  });
});

describe('the report of several runs', () => {
  it('grows by one rig after the other', async () => {
    await addToReport(directory, SOME.slice(0, 2));
    await addToReport(directory, SOME.slice(2));
    const text = await readFile(join(directory, 'scenarios.txt'), 'utf8');
    expect(text).toBe(`${matrixText(matrixOf(SOME)).join('\n')}\n`);
    expect(JSON.parse(await readFile(join(directory, 'scenarios.json'), 'utf8'))).toEqual(matrixOf(SOME));
  });

  it('does not overwrite a file of somebody else', async () => {
    await writeFile(join(directory, 'scenarios.json'), '[1, 2');
    await expect(addToReport(directory, SOME)).rejects.toThrow(/is not a report of this program/);
  });
});
