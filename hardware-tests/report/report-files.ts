import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CpnsError } from '@cpns/shared';
import type { Outcome } from '../rigs/player.js';
import { type Matrix, matrixOf, matrixText, outcomesOf } from './matrix.js';

/**
 * Adds outcomes to the report in `directory`: `scenarios.json` for programs and `scenarios.txt` for people. What other rigs left there stays.
 * @throws CpnsError Config/BadReport when the file there is none of ours
 */
export async function addToReport(directory: string, outcomes: readonly Outcome[]): Promise<void> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'scenarios.json');
  const matrix = matrixOf([...(await outcomesBefore(file)), ...outcomes]);
  await writeFile(file, `${JSON.stringify(matrix, undefined, 2)}\n`);
  await writeFile(join(directory, 'scenarios.txt'), `${matrixText(matrix).join('\n')}\n`);
}

async function outcomesBefore(file: string): Promise<Outcome[]> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return [];
  try {
    return outcomesOf(JSON.parse(text) as Matrix);
  } catch (cause) {
    throw new CpnsError('Config', 'BadReport', `${file} is not a report of this program; move it away or name another directory.`, {
      cause,
    });
  }
}
