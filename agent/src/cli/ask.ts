import { createInterface, type Interface } from 'node:readline';
import { confirm, isCancel } from '@clack/prompts';
import { abortReason, type Clock, CpnsError } from '@cpns/shared';
import type { Terminal } from '@cpns/shared/node';
import { minutes } from './text/durations.js';

const stopped = () => new CpnsError('State', 'Aborted', 'It was stopped before it was done.');

/**
 * Asks for a line while the time that is left counts down in front of it.
 * @throws CpnsError State/Aborted on Ctrl-C or Ctrl-D, or the reason of `signal`
 */
export function askLine(terminal: Terminal, clock: Clock, question: string, closesInMs: number, signal: AbortSignal): Promise<string> {
  const endsAtMs = clock.monotonicMs() + closesInMs;
  const reader = createInterface({ input: terminal.input, output: terminal.errors, terminal: true });
  return new Promise((resolve, reject) => {
    let cancelTick = () => {};
    const tick = () => {
      reader.setPrompt(`${question} (${minutes(endsAtMs - clock.monotonicMs())} left): `);
      reader.prompt(true);
      cancelTick = clock.after(1000, tick);
    };
    const finish = (settle: () => void) => {
      cancelTick();
      signal.removeEventListener('abort', abort);
      reader.removeAllListeners();
      reader.close();
      settle();
    };
    const abort = () => finish(() => reject(abortReason(signal)));
    reader.on('line', (line) => finish(() => resolve(line)));
    reader.on('SIGINT', () => finish(() => reject(stopped())));
    reader.on('close', () => finish(() => reject(stopped())));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    tick();
  });
}

/** Lines of an input that is no terminal, one at each call; undefined at its end. */
export class PipedLines {
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;

  constructor(terminal: Terminal) {
    this.#reader = createInterface({ input: terminal.input, terminal: false });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async next(): Promise<string | undefined> {
    const { value, done } = await this.#lines.next();
    return done ? undefined : value;
  }

  close(): void {
    this.#reader.close();
  }
}

/** Asks yes or no; no is the default. @throws CpnsError State/Aborted on Ctrl-C, or the reason of `signal` */
export async function askYes({ input, errors }: Terminal, message: string, signal: AbortSignal): Promise<boolean> {
  const answer = await confirm({ message, initialValue: false, input, output: errors, signal });
  if (signal.aborted) throw abortReason(signal);
  if (isCancel(answer)) throw stopped();
  return answer;
}
