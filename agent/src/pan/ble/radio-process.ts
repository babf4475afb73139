import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Clock, every, type Logger } from '@cpns/shared';
import { type FromRadio, readFromRadio, type ToRadio } from './radio/messages.js';

/** The program of a radio process. */
const PROGRAM = fileURLToPath(new URL('./radio/radio-main.js', import.meta.url));
/** It needs a few MiB of heap. Whoever makes a library grow out of this ends this process, not the computer. */
const MOST_HEAP_MIB = 128;
/** A radio process that says nothing for so long stands still. */
const STILL_MS = 5_000;
const PING_EVERY_MS = 1_000;
/** One that is only starting may load its libraries first, on the smallest boards for long. */
const START_PINGS = 20;
const STOP_MS = 2_000;
/** What is kept of its last words, in characters. */
const LAST_WORDS = 2_000;

export interface RadioProcessOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly args: readonly string[];
  /** Another program in its place. */
  readonly program: string | undefined;
  /** Variables of its environment beside those of this process. */
  readonly environment: Readonly<Record<string, string>>;
  /** One that says nothing for so many milliseconds stands still and is killed. Default: 5,000. */
  readonly stillMs: number | undefined;
  heard(message: FromRadio): void;
  /** Once. `code`: its exit code, undefined when it was killed. */
  ended(end: { readonly code: number | undefined; readonly stoodStill: boolean }): void;
}

/** One radio process, watched. */
export class RadioProcess {
  readonly #options: RadioProcessOptions;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #cancelPing: () => void;
  #unanswered = 0;
  #answered = false;
  #stoodStill = false;
  #lastWords = '';

  /** Starts it. */
  constructor(options: RadioProcessOptions) {
    this.#options = options;
    const { clock, program = PROGRAM, args, environment } = options;
    this.#child = fork(program, [...args], {
      execArgv: [`--max-old-space-size=${MOST_HEAP_MIB}`],
      env: { ...process.env, ...environment },
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#child.on('message', (message) => this.#heard(message));
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', (code) => {
        this.#over(code ?? undefined);
        resolve();
      });
      this.#child.on('error', () => {
        // It could not be started, or not be told something: in both cases it is of no use.
        this.#child.kill('SIGKILL');
        if (this.#child.pid !== undefined) return;
        this.#over(undefined);
        resolve();
      });
    });
    this.#cancelPing = every(clock, PING_EVERY_MS, () => this.#ping());
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  say(message: ToRadio): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** Resolves when it is gone: by itself, or by force. */
  async stop(): Promise<void> {
    this.say({ type: 'stop' });
    const cancel = this.#options.clock.after(STOP_MS, () => this.#child.kill('SIGKILL'));
    await this.#ended;
    cancel();
  }

  #heard(raw: unknown): void {
    this.#unanswered = 0;
    this.#answered = true;
    const message = readFromRadio(raw);
    if (message === undefined) {
      this.#options.logger.warn('the radio process said what it must not say and is ended');
      this.#child.kill('SIGKILL');
    } else this.#options.heard(message);
  }

  /** Counts what was not answered, not the time: an agent that stood still itself must not blame the radio for it. */
  #ping(): void {
    const { stillMs = STILL_MS } = this.#options;
    const limit = this.#answered ? stillMs / PING_EVERY_MS : START_PINGS;
    if (this.#unanswered++ >= limit) {
      this.#stoodStill = true;
      this.#child.kill('SIGKILL');
    } else this.say({ type: 'ping' });
  }

  #over(code: number | undefined): void {
    this.#cancelPing();
    if (this.#lastWords !== '') this.#options.logger.debug('last words of the radio process', { text: this.#lastWords });
    this.#options.ended({ code, stoodStill: this.#stoodStill });
  }
}
