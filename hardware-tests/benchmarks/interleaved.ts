import type { Clock } from '@cpns/shared';
import { median } from './statistics.js';

/** One thing to measure: does `count` of its operations. */
export type Work = (count: number) => Promise<void> | void;

/** What interleaved rounds of several works showed, in the order of the works. */
export interface Interleaved {
  /** Median time of one operation, microseconds. */
  readonly medianUs: readonly number[];
  /** Time of the first work divided by that of each, per round; the median of the rounds. The first is 1. */
  readonly speed: readonly number[];
}

export interface InterleavedOptions {
  readonly rounds: number;
  /** Each work gets about so long in each round. */
  readonly sliceMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs each work in turn, round after round, beginning with another one each time, so that whatever else the machine does meets all of
 * them alike. One round in front warms up and finds how many operations fill a slice.
 */
export async function interleave(clock: Clock, works: readonly Work[], options: InterleavedOptions): Promise<Interleaved> {
  const counts: number[] = [];
  for (const work of works) counts.push(await fitting(clock, work, options.sliceMs));
  const rounds: number[][] = [];
  for (let round = 0; round < options.rounds; round++) {
    const times: number[] = new Array(works.length).fill(0);
    for (let turn = 0; turn < works.length; turn++) {
      options.signal.throwIfAborted();
      const which = (round + turn) % works.length;
      const count = counts[which] as number;
      times[which] = (await timed(clock, works[which] as Work, count)) / count;
    }
    rounds.push(times);
  }
  const column = (of: (times: readonly number[]) => number) => median(rounds.map(of));
  return {
    medianUs: works.map((_, i) => column((times) => (times[i] as number) * 1000)),
    speed: works.map((_, i) => column((times) => (times[0] as number) / (times[i] as number))),
  };
}

/** How many operations take `sliceMs`, once the code is compiled. */
async function fitting(clock: Clock, work: Work, sliceMs: number): Promise<number> {
  for (let count = 1; ; count *= 2) {
    const tookMs = await timed(clock, work, count);
    if (tookMs >= sliceMs) return Math.max(1, Math.round((count * sliceMs) / tookMs));
  }
}

async function timed(clock: Clock, work: Work, count: number): Promise<number> {
  const startedMs = clock.monotonicMs();
  await work(count);
  return clock.monotonicMs() - startedMs;
}
