import { join } from 'node:path';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { Program } from '../../processes/program.js';
import { PEERS } from '../peer-packages.js';
import { median } from '../statistics.js';

/** From the start of such a group to its last figure, ms. */
export const MLS_LIMIT_MS = 300_000;

/** How an MLS group came about: all members added at once by the first one, or two by two with commits that fill the tree. */
export type MlsGrowth = 'added' | 'grown';

export const MLS_CHANGES = ['leave', 'join', 'batch'] as const;

/** What a change costs the member that commits it. */
interface MlsCost {
  readonly ciphertexts: number;
  readonly octets: number;
  readonly cpuMs: number;
}

export type MlsCosts = Readonly<Record<(typeof MLS_CHANGES)[number], MlsCost>>;

export interface MlsRun {
  readonly members: number;
  readonly growth: MlsGrowth;
  readonly rounds: number;
}

/** A group of ts-mls in a process of its own. Undefined: it was not done within {@link MLS_LIMIT_MS}. @throws CpnsError State/ProgramEnded */
export async function measureMls(
  { members, growth, rounds }: MlsRun,
  { clock, keeper, signal }: { readonly clock: Clock; readonly keeper: Keeper; readonly signal: AbortSignal },
): Promise<MlsCosts | undefined> {
  const command = [process.execPath, join(PEERS, 'mls.mjs'), String(members), String(rounds), growth];
  const program = new Program({ name: `ts-mls with ${members} members`, command, clock, keeper });
  try {
    const [leave, join, batch] = await program.line(allOf(), MLS_LIMIT_MS, signal);
    return { leave, join, batch };
  } catch (error) {
    if (error instanceof CpnsError && error.code === 'DeadlinePassed') return undefined;
    throw error;
  } finally {
    await program.kill();
  }
}

/** Gathers lines until there is one for each change. */
function allOf(): (line: string) => readonly [MlsCost, MlsCost, MlsCost] | undefined {
  const costs = new Map<string, MlsCost>();
  return (line) => {
    for (const [change, { ms, ciphertexts, octets }] of Object.entries(JSON.parse(line) as Record<string, Reported>))
      costs.set(change, { ciphertexts, octets, cpuMs: median(ms) });
    const found = MLS_CHANGES.flatMap((change) => costs.get(change) ?? []);
    return found.length === MLS_CHANGES.length ? (found as unknown as readonly [MlsCost, MlsCost, MlsCost]) : undefined;
  };
}

interface Reported {
  readonly ms: readonly number[];
  readonly ciphertexts: number;
  readonly octets: number;
}
