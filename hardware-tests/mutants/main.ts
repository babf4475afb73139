/** `npm run mutants [-- TEXT]` */
import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeError } from '@cpns/shared';
import type { Check } from './checks.js';
import { EQUIVALENT } from './equivalent.js';
import { filesInScope } from './scope.js';
import { Trials, type Witness } from './trials.js';
import type { Tried, Work } from './worker-main.js';

const HELP = `Breaks the checks of the security code one at a time and says which of them no test notices.

Usage: npm run mutants [-- [--list] [--verbose] [TEXT]]

  TEXT       only checks whose name contains it, such as a file name
  --list     show the checks and how each is broken, and try nothing
  --verbose  show which test noticed each

Every condition under which the code refuses, each part of it, every comparison and every bound counts as a check. Those that no test can
notice stand in hardware-tests/mutants/equivalent.ts with the reason.

Exit codes: 0 every broken check was noticed, 1 one was not, 2 wrong usage.
The last line is "N passed, N failed, N skipped": noticed, not noticed, and 0.`;

/** hardware-tests/dist/mutants */
const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
const PROGRESS_EVERY = 25;
const START_MS = 120_000;
/** One broken check, with all the tests that reach it. */
const TRIAL_MS = 180_000;

/** A process that tries checks. It leads a group of its own, so that it can be ended together with the tests that it runs. */
class Worker {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(work: Work): Promise<Worker> {
    const child = fork(join(dirname(fileURLToPath(import.meta.url)), 'worker-main.js'), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      detached: true,
    });
    const worker = new Worker(child);
    await worker.#ask(work, START_MS);
    return worker;
  }

  /** Which test notices; rejects when none has said so in time. */
  try(check: number): Promise<Tried> {
    return this.#ask(check, TRIAL_MS) as Promise<Tried>;
  }

  end(): void {
    if (this.#child.pid === undefined || this.#child.exitCode !== null) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has gone by itself.
    }
  }

  #ask(message: Work | number, withinMs: number): Promise<unknown> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const over = (error: Error | undefined, answer?: unknown) => {
        clearTimeout(timer);
        child.off('exit', gone).off('message', answered);
        if (error === undefined) resolve(answer);
        else reject(error);
      };
      const timer = setTimeout(() => over(new Error('no answer in time')), withinMs);
      const gone = () => over(new Error('a process that runs tests has gone'));
      const answered = (answer: unknown) => over(undefined, answer);
      child.once('exit', gone).once('message', answered);
      child.send(message);
    });
  }
}

async function tryAll(numbers: readonly number[], work: Work, over: (result: Tried) => void): Promise<void> {
  const waiting = [...numbers];
  const hand = async () => {
    let worker: Worker | undefined;
    try {
      for (let check = waiting.shift(); check !== undefined; check = waiting.shift()) {
        worker ??= await Worker.start(work);
        const current = worker;
        // Tests that never end, or that take their process down, have noticed, too.
        const tried = await current.try(check).catch((error: Error) => {
          current.end();
          worker = undefined;
          return { check: check as number, noticedBy: error.message };
        });
        over(tried);
      }
    } finally {
      worker?.end();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), numbers.length) }, hand));
}

function listed(checks: readonly Check[]): string {
  return checks.map(({ name, file, line, broken }) => `${name}\n    ${file}:${line}  becomes  ${broken}`).join('\n');
}

async function main(): Promise<number> {
  const options = {
    help: { type: 'boolean', short: 'h' },
    list: { type: 'boolean' },
    verbose: { type: 'boolean' },
  } as const;
  let asked: ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>;
  try {
    asked = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    console.error(`${(error as Error).message}\nSee npm run mutants -- --help.`);
    return 2;
  }
  const { values, positionals } = asked;
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const files = filesInScope(root);
  const checks = files.flatMap((file) => file.checks);
  const wanted = checks.map((_, index) => index).filter((index) => positionals.every((text) => checks[index]?.name.includes(text)));
  if (wanted.length === 0) {
    console.error(`No check has "${positionals.join(' ')}" in its name; --list shows them all.`);
    return 2;
  }
  if (values.list) {
    console.log(listed(wanted.map((index) => checks[index] as Check)));
    return 0;
  }
  const unknown = [...EQUIVALENT.keys()].filter((name) => !checks.some((check) => check.name === name));
  if (unknown.length > 0) {
    console.error(`hardware-tests/mutants/equivalent.ts explains checks that are not there any more:\n  ${unknown.join('\n  ')}`);
    return 1;
  }

  process.stderr.write(`Running the tests with nothing broken ...\n`);
  const broken = files.filter(({ checks, first }) => wanted.some((index) => index >= first && index < first + checks.length));
  const trials = await Trials.open(root, broken, availableParallelism());
  let witnesses: Witness[];
  try {
    witnesses = await trials.baseline(root);
  } finally {
    await trials.close();
  }
  const toTry = wanted.filter((index) => !EQUIVALENT.has((checks[index] as Check).name));
  const survivors: Check[] = [];
  let done = 0;
  await tryAll(toTry, { root, files: broken.map(({ file }) => file), witnesses }, ({ check, noticedBy }) => {
    const found = checks[check] as Check;
    if (noticedBy === undefined) survivors.push(found);
    if (values.verbose) console.log(`${noticedBy === undefined ? 'NOT NOTICED' : 'noticed'}  ${found.name}  ${noticedBy ?? ''}`);
    if (++done % PROGRESS_EVERY === 0) process.stderr.write(`${done} of ${toTry.length} tried, ${survivors.length} not noticed\n`);
  });
  console.log(`${wanted.length} checks: ${toTry.length} broken one at a time, ${wanted.length - toTry.length} explained in equivalent.ts.`);
  for (const { name, file, line, broken } of survivors) console.log(`not noticed: ${name}\n    ${file}:${line}  became  ${broken}`);
  console.log(`${toTry.length - survivors.length} passed, ${survivors.length} failed, 0 skipped`);
  return survivors.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
