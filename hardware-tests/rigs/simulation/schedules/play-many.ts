import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

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
export async function playMany(first: number, count: number, played: (outcome: Played) => boolean): Promise<void> {
  const threads = Math.min(availableParallelism(), count);
  let next = first;
  let enough = false;
  const work = async () => {
    const worker = new Worker(new URL('./worker-main.js', import.meta.url));
    try {
      while (!enough && next < first + count) {
        const outcome = await ask(worker, next++);
        if (!enough && played(outcome)) enough = true;
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads }, work));
}

function ask(worker: Worker, seed: number): Promise<Played> {
  return new Promise((resolve, reject) => {
    worker.once('message', (outcome: Played) => {
      worker.off('error', reject);
      resolve(outcome);
    });
    worker.once('error', reject);
    worker.postMessage(seed);
  });
}
