import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@cpns/shared';
import { NPM, ROOT } from './commands.js';
import type { Keeper } from './keeper.js';
import { runProgram } from './program.js';

const PACK_LIMIT_MS = 60_000;

/** Packs parts of this project, as they were built last, for a registry. Gives the files, which are put into the empty `directory`. @throws CpnsError */
export async function pack(
  parts: readonly ('shared' | 'agent' | 'server')[],
  directory: string,
  clock: Clock,
  keeper: Keeper,
): Promise<string[]> {
  const named = parts.flatMap((part) => ['-w', part]);
  const command = [NPM, 'pack', '--prefix', ROOT, ...named, '--pack-destination', directory, '--silent'];
  await runProgram({ name: 'npm pack', command, clock, keeper, withinMs: PACK_LIMIT_MS });
  return (await readdir(directory)).map((file) => join(directory, file));
}
