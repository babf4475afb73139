import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Clock, CpnsError, withDeadline } from '@cpns/shared';
import type { Keeper, Kept } from './keeper.js';
import { LogTail } from './log-tail.js';

/** A program that was told to end gets so long before it is killed. */
const END_MS = 15_000;

export interface ProgramOptions {
  /** For logs and errors. */
  readonly name: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly clock: Clock;
  readonly keeper: Keeper;
  /** Beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where its output is kept; a program that runs again goes on in the log of the run before. */
  readonly log?: LogTail;
  /** Its standard output holds secrets or is for programs: it is kept out of the log. */
  readonly quiet?: boolean;
  /** The process started here stands for one elsewhere: signals go to its standard input as lines, `TERM` or `KILL`. */
  readonly ordersByInput?: boolean;
}

/** A program elsewhere that was ordered to end at once is not waited for any longer. */
const ORDER_MS = 5_000;

/** How a process ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program in a process (and process group) of its own: its standard output line by line, the last of what it said, its end. */
export class Program {
  readonly name: string;
  readonly log: LogTail;
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #ordersByInput: boolean;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #output: string[] = [];
  #ending: Ending | undefined;

  /** @throws CpnsError State/Ending */
  constructor({ name, command, clock, keeper, env = {}, log = new LogTail(), quiet = false, ordersByInput = false }: ProgramOptions) {
    keeper.requireOpen();
    this.name = name;
    this.log = log;
    this.#clock = clock;
    this.#ordersByInput = ordersByInput;
    const [program, ...args] = command as [string, ...string[]];
    this.#child = spawn(program, args, {
      stdio: 'pipe',
      // Ctrl-C at the terminal is for whoever started it, who then ends it in order.
      detached: process.platform !== 'win32',
      windowsHide: true,
      env: { ...process.env, ...env },
    });
    this.#child.stdin?.on('error', () => {});
    const { pid } = this.#child;
    const kept: Kept | undefined = pid === undefined ? undefined : { kind: 'process', pid };
    if (kept !== undefined) keeper.keep(kept);
    this.ended = new Promise((resolve) => {
      const over = (ending: Ending) => {
        if (this.#ending !== undefined) return;
        this.#ending = ending;
        if (kept !== undefined) keeper.forget(kept);
        this.log.add(`[${name} ended: ${ending.signal ?? `exit code ${ending.code}`}]`);
        for (const listener of [...this.#listeners]) listener('');
        resolve(ending);
      };
      this.#child.once('error', (error) => {
        this.log.add(error.message);
        over({ code: null, signal: null });
      });
      this.#child.once('close', (code, signal) => over({ code, signal }));
    });
    readLines(this.#child.stdout, (line) => {
      if (!quiet) this.log.add(line);
      this.#output.push(line);
      if (this.#output.length > 1_000) this.#output.shift();
      for (const listener of [...this.#listeners]) listener(line);
    });
    readLines(this.#child.stderr, (line) => this.log.add(line));
  }

  get isRunning(): boolean {
    return this.#ending === undefined;
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Calls `listener` with every line of standard output, those of the past first. Returns what ends it. */
  onLine(listener: (line: string) => void): () => void {
    for (const line of [...this.#output]) listener(line);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** What `read` makes of the first line it can read. @throws CpnsError Timeout/DeadlinePassed, State/ProgramEnded */
  async line<T>(read: (line: string) => T | undefined, withinMs: number, signal?: AbortSignal): Promise<T> {
    let forget = () => {};
    const wait = () =>
      new Promise<T>((resolve, reject) => {
        forget = this.onLine((line) => {
          const value = line === '' ? undefined : read(line);
          if (value !== undefined) resolve(value);
          else if (!this.isRunning) reject(this.#hasEnded());
        });
        if (!this.isRunning) reject(this.#hasEnded());
      });
    try {
      return await withDeadline(this.#clock, withinMs, signal, wait, `${this.name} was silent for ${Math.round(withinMs / 1000)} s.`);
    } finally {
      forget();
    }
  }

  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Everything it wrote to standard output, at most 1,000 lines. */
  get output(): string {
    return this.#output.join('\n');
  }

  /** The last line that says something: not a stack, not the version of Node. */
  get said(): string {
    return this.log.last(20).findLast((line) => !/^(\s|\[|Node\.js v|$)/.test(line)) ?? 'it said nothing';
  }

  /** Asks it to end, and ends it when it does not. */
  async stop(): Promise<Ending> {
    const cancel = this.#clock.after(END_MS, () => this.#signal('SIGKILL'));
    this.#signal('SIGTERM');
    try {
      return await this.ended;
    } finally {
      cancel();
    }
  }

  /** Ends it without a word, as when a battery is pulled. */
  async kill(): Promise<Ending> {
    this.#signal('SIGKILL');
    return this.ended;
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    if (!this.isRunning) return;
    if (!this.#ordersByInput) {
      this.#child.kill(signal);
      return;
    }
    this.write(`${signal.slice('SIG'.length)}\n`);
    if (signal !== 'SIGKILL') return;
    const cancel = this.#clock.after(ORDER_MS, () => this.#child.kill(signal));
    void this.ended.then(cancel);
  }

  #hasEnded(): CpnsError {
    return new CpnsError('State', 'ProgramEnded', `${this.name} ended too early: ${this.said}`);
  }
}

/**
 * Runs a program to its end and gives its standard output.
 * @throws CpnsError State/ProgramFailed with the last line it said, Timeout/DeadlinePassed
 */
export async function runProgram(options: ProgramOptions & { readonly input?: string; readonly withinMs?: number }): Promise<string> {
  const program = new Program(options);
  if (options.input !== undefined) program.write(options.input);
  program.endInput();
  const { clock, name, withinMs = 60_000 } = options;
  try {
    const { code } = await withDeadline(clock, withinMs, undefined, () => program.ended, `${name} did not end in time.`);
    if (code === 0) return program.output;
    throw new CpnsError('State', 'ProgramFailed', `${name} failed with exit code ${code}: ${program.said}`);
  } finally {
    await program.kill();
  }
}

function readLines(stream: NodeJS.ReadableStream | null, each: (line: string) => void): void {
  if (stream !== null) createInterface({ input: stream }).on('line', each);
}
