/** Tries the checks that it is sent, one after another, in a process of its own. */
import { filesInScope } from './scope.js';
import { Trials, type Witness } from './trials.js';

/** What the worker is sent first. */
export interface Work {
  readonly root: string;
  /** Paths of the files whose checks are broken. */
  readonly files: readonly string[];
  readonly witnesses: readonly Witness[];
}

/** One answer of the worker: the check, and the test file that noticed. */
export interface Tried {
  readonly check: number;
  readonly noticedBy: string | undefined;
}

let trials: Promise<Trials> | undefined;
let witnesses: readonly Witness[] = [];

process.on('message', async (message: Work | number) => {
  if (typeof message === 'object') {
    witnesses = message.witnesses;
    const files = filesInScope(message.root).filter(({ file }) => message.files.includes(file));
    trials = Trials.open(message.root, files, 1);
    await trials;
    process.send?.('ready');
    return;
  }
  const noticedBy = await (await trials)?.noticed(message, witnesses);
  process.send?.({ check: message, noticedBy } satisfies Tried);
});
process.on('disconnect', () => process.exit());
