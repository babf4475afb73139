import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError } from '@cpns/shared';

const DIRECTORY = 'fuzz-findings';
const MOST_HEX = 2_048;

/** One input with which the code under test did what it must not. */
export interface Finding {
  readonly target: string;
  readonly seed: number;
  /** Which input of the run it was, from 1; 0: an input of the corpus. */
  readonly number: number;
  readonly data: Uint8Array;
  readonly error: unknown;
  /** The input alone shows it, without those before it. */
  readonly alone: boolean;
}

/** What makes two findings the same: the error, whatever its numbers are, and the place it came from. */
export function kindOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.name}: ${error.message.slice(0, 60).replace(/\d+/g, '#')} ${(error.stack ?? '').split('\n').find((line) => /^\s+at /.test(line)) ?? ''}`;
}

/** Writes the input to a file of the present directory and returns what to tell a person. */
export async function keepFinding({ target, seed, number, data, error, alone }: Finding): Promise<string> {
  const digest = createHash('sha256').update(data).digest('hex').slice(0, 12);
  const file = join(DIRECTORY, `${target}-${digest}.bin`);
  await mkdir(DIRECTORY, { recursive: true });
  await writeFile(file, data);
  const hex = Buffer.from(data).toString('hex');
  const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 6) : [];
  return [
    `FINDING in ${target}, seed ${seed}, input ${number}: ${describeError(error)}`,
    ...stack,
    `  ${data.length} octets: ${hex.slice(0, MOST_HEX)}${hex.length > MOST_HEX ? '...' : ''}`,
    `  kept in ${file}; once more with:`,
    alone
      ? `    npm run fuzz -- ${target} --replay ${file}`
      : `    npm run fuzz -- ${target} --seed ${seed} --inputs ${number}    (the input alone does not show it)`,
  ].join('\n');
}
