/** One of the threads that play schedules: answers each seed with what was wrong in the end. */
import { parentPort } from 'node:worker_threads';
import { scheduleOf } from './generate.js';
import { play } from './play.js';
import type { Task } from './play-many.js';

parentPort?.on('message', async ({ seed, pan }: Task) => {
  parentPort?.postMessage({ seed, violations: await play(scheduleOf(seed, pan)) });
});
