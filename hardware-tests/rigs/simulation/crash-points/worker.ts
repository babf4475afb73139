/** A thread that plays crash points, one at a time, as it is told. */
import { parentPort } from 'node:worker_threads';
import { flowNamed } from './flows.js';
import { deedsIn, type Outcome, play } from './play.js';

/** Play one point; without `n`: find out which points there are. */
export interface Task {
  readonly flow: string;
  readonly side: string;
  readonly n?: number;
}

export type Answer = { readonly deeds: readonly string[] } | { readonly outcome: Outcome } | { readonly error: string };

async function carryOut({ flow, side, n }: Task): Promise<Answer> {
  const found = flowNamed(flow);
  if (n === undefined) return { deeds: await deedsIn(found, side) };
  return { outcome: await play({ flow: found, side, n }) };
}

parentPort?.on('message', (task: Task) => {
  carryOut(task)
    .catch((error): Answer => ({ error: String((error as Error).message) }))
    .then((answer) => parentPort?.postMessage(answer));
});
