import { availableParallelism } from 'node:os';
import { Workers } from '../workers.js';
import type { Pan } from './actions.js';

/** The schedule to play. */
export interface Task {
  readonly seed: number;
  readonly pan: Pan;
}

/** What a schedule came to. */
export interface Played {
  readonly seed: number;
  /** Empty: all is well. */
  readonly violations: readonly string[];
}

/**
 * Plays the schedules of `count` seeds from `first` on, one after the other on each processor. Ends early when `played` says so.
 * @param played is told of each schedule as it ends; true: that is enough
 */
export async function playMany(first: number, count: number, pan: Pan, played: (outcome: Played) => boolean): Promise<void> {
  const threads = Math.min(availableParallelism(), count);
  const workers = new Workers<Task, Played>(new URL('./worker-main.js', import.meta.url), threads);
  let next = first;
  let enough = false;
  const work = async () => {
    while (!enough && next < first + count) {
      const outcome = await workers.run({ seed: next++, pan });
      if (!enough) enough = played(outcome);
    }
  };
  try {
    await Promise.all(Array.from({ length: threads }, work));
  } finally {
    await workers.close();
  }
}
