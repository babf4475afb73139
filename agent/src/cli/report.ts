import { type CpnsError, describeError } from '@cpns/shared';
import { AgentError, ExitCode, exitCodeOf } from '../control/exit-codes.js';
import { printable, type Terminal } from './terminal.js';

/** A command whose result has been shown, and which nevertheless failed. */
export class FailedResult extends AgentError {
  constructor(message: string) {
    super('State', 'FailedResult', message, ExitCode.Failed);
  }
}

/** Where results, progress and errors of one command go: for people, or with `--json` for machines. */
export class Report {
  readonly #terminal: Terminal;
  readonly json: boolean;

  constructor(terminal: Terminal, json: boolean) {
    this.#terminal = terminal;
    this.json = json;
  }

  /** The result: one JSON document, or lines. */
  result(value: object, lines: readonly string[]): void {
    if (this.json) this.#write(this.#terminal.output, JSON.stringify(value));
    else for (const line of lines) this.#write(this.#terminal.output, printable(line));
  }

  /** One of many results: one JSON document per line, or one line. */
  item(value: object, line: string): void {
    this.result(value, [line]);
  }

  /** What is under way. Never on standard output. */
  progress(line: string): void {
    this.#write(this.#terminal.errors, printable(line));
  }

  /** One line that says what to do; with `--json` the one document too. Returns the exit code. */
  failure(error: CpnsError, verbose: boolean): number {
    const exitCode = exitCodeOf(error);
    if (this.json && !(error instanceof FailedResult)) {
      this.#write(this.#terminal.output, JSON.stringify({ error: { code: error.code, message: error.message, exitCode } }));
    }
    this.#write(this.#terminal.errors, printable(`cpns-agent: ${verbose ? describeError(error) : error.message}`));
    return exitCode;
  }

  #write(stream: Terminal['output'], line: string): void {
    stream.write(`${line}\n`);
  }
}
