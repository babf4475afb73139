import { type CpnsError, describeError } from '../../errors.js';
import { printable, printableJson, type Terminal } from './terminal.js';

/** What a {@link Report} must know of its program. */
export interface ReportingProgram {
  /** Name of the command, in front of errors. */
  readonly name: string;
  /** What a process that fails with `error` exits with. */
  exitCodeOf(error: CpnsError): number;
}

/** Where results, progress and errors of one command go: for people, or with `--json` for machines. */
export class Report {
  readonly #program: ReportingProgram;
  readonly #terminal: Terminal;
  readonly json: boolean;

  constructor(program: ReportingProgram, terminal: Terminal, json: boolean) {
    this.#program = program;
    this.#terminal = terminal;
    this.json = json;
  }

  /** The result: one JSON document, or lines. */
  result(value: object, lines: readonly string[]): void {
    if (this.json) this.#write(this.#terminal.output, printableJson(value));
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
    const exitCode = this.#program.exitCodeOf(error);
    if (this.json) this.#write(this.#terminal.output, printableJson({ error: { code: error.code, message: error.message, exitCode } }));
    this.#write(this.#terminal.errors, printable(`${this.#program.name}: ${verbose ? describeError(error) : error.message}`));
    return exitCode;
  }

  #write(stream: Terminal['output'], line: string): void {
    stream.write(`${line}\n`);
  }
}
