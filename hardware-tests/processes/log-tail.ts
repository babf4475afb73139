import { type Received, receivedLine } from '../rigs/received.js';

const MOST_LINES = 400;
const LONGEST_LINE = 2_000;

/** The last lines that a process has written, bounded; what is dropped is counted. */
export class LogTail {
  readonly #lines: string[] = [];
  #dropped = 0;
  /** What the lines say was received; debug lines say that. */
  readonly received: Received[] = [];

  add(line: string): void {
    const received = receivedLine(line);
    if (received !== undefined) this.received.push(received);
    this.#lines.push(line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)} ...` : line);
    if (this.#lines.length <= MOST_LINES) return;
    this.#lines.shift();
    this.#dropped++;
  }

  /** The last `most` lines, oldest first. */
  last(most = MOST_LINES): string[] {
    const kept = this.#lines.slice(-most);
    const dropped = this.#dropped + this.#lines.length - kept.length;
    return dropped === 0 ? kept : [`(${dropped} earlier lines left out)`, ...kept];
  }
}
