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
  /** The disk took only a part of the last line. */
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
    const octets = Buffer.from(this.#midLine ? `\n${line}` : line);
    try {
      const written = writeSync(this.#descriptor, octets);
      if (written > 0) this.#midLine = written < octets.length;
    } catch {
      // Nothing can be said about it here.
    }
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
    this.#broken = true;
    this.#stream.removeListener('error', this.#onError);
  }

  readonly #onError = () => {
    this.#broken = true;
  };
}
