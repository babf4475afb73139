import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CpnsError } from '@cpns/shared';
import type { FuzzTarget, Traffic } from './target.js';

/** The committed corpus stands beside the sources, wherever this runs from. */
const ROOT = fileURLToPath(import.meta.url).replace(/dist[\\/]fuzz[\\/]corpus\.js$|fuzz[\\/]corpus\.[jt]s$/, '');
const CORPUS = join(ROOT, 'fuzz', 'corpus');
/** Inputs that once were findings. */
const REGRESSIONS = 'regressions';
const EXTENSION = '.bin';

export interface CorpusEntry {
  /** Relative to the corpus. */
  readonly name: string;
  readonly data: Uint8Array;
}

async function filesIn(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).filter((name) => name.endsWith(EXTENSION)).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Everything that is kept of a target: seeds, then regressions. @throws CpnsError Config/NoCorpus */
export async function readCorpus(target: FuzzTarget): Promise<CorpusEntry[]> {
  const entries: CorpusEntry[] = [];
  for (const folder of [target.seedsOf ?? target.name, join(target.name, REGRESSIONS)]) {
    for (const file of await filesIn(join(CORPUS, folder))) {
      const name = join(folder, file);
      entries.push({ name, data: new Uint8Array(await readFile(join(CORPUS, name))) });
    }
  }
  if (entries.length > 0) return entries;
  throw new CpnsError(
    'Config',
    'NoCorpus',
    `There is no corpus of ${target.name}: make it with "npm run fuzz -- ${target.name} --collect".`,
  );
}

/** Replaces the seeds of a target; its regressions stay. Returns how many there are. */
export async function writeCorpus(target: FuzzTarget, traffic: Traffic): Promise<number> {
  if (target.seeds === undefined) return 0;
  const directory = join(CORPUS, target.name);
  await mkdir(directory, { recursive: true });
  for (const file of await filesIn(directory)) await rm(join(directory, file));
  const seeds = await target.seeds(traffic);
  for (const [name, data] of seeds) await writeFile(join(directory, fileName(name)), data);
  return seeds.size;
}

function fileName(name: string): string {
  return `${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}${EXTENSION}`;
}
