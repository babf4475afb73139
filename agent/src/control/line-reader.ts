import { CpnsError } from '@cpns/shared';

const LINE_FEED = 0x0a;

/** Cuts a stream of octets into lines of UTF-8 text, none longer than a bound; it never holds more than that. */
export class LineReader {
  readonly #maxOctets: number;
  readonly #text = new TextDecoder('utf-8', { fatal: true });
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  /** Lines that `chunk` completes, without their line feeds. @throws CpnsError Codec/LineTooLong, Codec/BadLine */
  *push(chunk: Uint8Array): Generator<string, void> {
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      this.#keep(chunk.subarray(from, end));
      from = end + 1;
      yield this.#take();
    }
    this.#keep(chunk.subarray(from));
  }

  #keep(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (this.#length > this.#maxOctets) {
      throw new CpnsError('Codec', 'LineTooLong', `A line on the control connection has more than ${this.#maxOctets} octets.`);
    }
    this.#parts.push(part);
  }

  #take(): string {
    const line = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    try {
      return this.#text.decode(line);
    } catch (cause) {
      throw new CpnsError('Codec', 'BadLine', 'A line on the control connection is not UTF-8 text.', { cause });
    }
  }
}
