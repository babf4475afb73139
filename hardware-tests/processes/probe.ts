import { CpnsError } from '@cpns/shared';
import type { Program } from './program.js';

/** What a process says of itself right after a forced garbage collection. */
export interface ProcessFigures {
  /** Resident memory as the system counts it. */
  readonly rssOctets: number;
  readonly heapOctets: number;
  /** Buffers and other memory outside the JavaScript heap that it knows of. */
  readonly externalOctets: number;
  /** Sockets, timers and other resources that keep the event loop alive. */
  readonly handles: number;
  /** Open file descriptors; unknown elsewhere than on Linux. */
  readonly files: number | undefined;
  /** Processor time since its start, user and system. */
  readonly cpuMs: number;
}

/** Arguments of `node` that load the probe in front of a program. */
export const PROBE_ARGUMENTS: readonly string[] = ['--import', new URL('./probe-main.js', import.meta.url).href];

const ANSWER_LIMIT_MS = 30_000;
let asked = 0;

/** Asks a program that runs and was started with {@link PROBE_ARGUMENTS}. @throws CpnsError State/NotProbed, State/ProgramEnded, Timeout */
export async function probe(program: Program | undefined): Promise<ProcessFigures> {
  if (program === undefined) throw new CpnsError('State', 'NotProbed', 'The program does not run, or runs without a probe.');
  const question = String(++asked);
  program.write(`${question}\n`);
  return program.line((line) => {
    if (!line.startsWith('{"probe":')) return undefined;
    const answer = JSON.parse(line) as { readonly probe: string; readonly figures: ProcessFigures };
    return answer.probe === question ? answer.figures : undefined;
  }, ANSWER_LIMIT_MS);
}
