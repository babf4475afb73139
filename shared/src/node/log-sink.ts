import { closeSync, openSync, writeSync } from 'node:fs';
import { fileError } from './file-errors.js';

/** Where whole lines go. A log must never bring the program down: what cannot be written is lost. */
export interface LogSink {
  write(line: string): void;
  close(): void;
}

/** Lines to a file, mode 0600, each written before the call returns, so that a crash loses none. */
export class FileSink implements LogSink {
  #descriptor: number | undefined;
  #lost = 0;
  #midLine = false;

  /** @throws CpnsError State/... when the file cannot be opened */
  constructor(path: string) {
    try {
      this.#descriptor = openSync(path, 'a', 0o600);
    } catch (error) {
      throw fileError(error, path);
    }
  }

  write(line: string): void {
    if (this.#descriptor === undefined) return;
    const text = `${this.#midLine ? '\n' : ''}${line}`;
    const octets = Buffer.from(text);
    try {
      const written = writeSync(this.#descriptor, octets);
      this.#midLine = written < octets.length;
      if (this.#midLine) this.#lost++;
    } catch {
      this.#lost++;
    }
  }

  /** Lines that could not be written, because the disk was full for example. */
  get lost(): number {
    return this.#lost;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** Lines to a stream such as standard error. A reader that went away ends nothing but the log. */
export class StreamSink implements LogSink {
  readonly #stream: NodeJS.WritableStream;
  #broken = false;

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream;
    stream.on('error', this.#onError);
  }

  write(line: string): void {
    if (!this.#broken) this.#stream.write(line);
  }

  close(): void {
    this.#stream.removeListener('error', this.#onError);
  }

  readonly #onError = () => {
    this.#broken = true;
  };
}
