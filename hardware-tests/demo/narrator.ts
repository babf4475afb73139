import type { Clock } from '@cpns/shared';

const NUMBER_WIDTH = 2;

/** Tells what happens while it happens: numbered steps, and the time since the beginning in front of every line. */
export class Narrator {
  readonly #clock: Clock;
  readonly #beganMs: number;
  readonly #print: (line: string) => void;
  #steps = 0;

  constructor(clock: Clock, print: (line: string) => void) {
    this.#clock = clock;
    this.#beganMs = clock.monotonicMs();
    this.#print = print;
  }

  /** Without number or time. */
  plain(...lines: readonly string[]): void {
    for (const line of lines) this.#print(line);
  }

  /** Does the next numbered thing and says how long it took. */
  async step<T>(title: string, work: () => Promise<T>): Promise<T> {
    this.#line(`${String(++this.#steps).padStart(NUMBER_WIDTH)}. ${title}`);
    const beganMs = this.#clock.monotonicMs();
    const result = await work();
    this.detail(`done in ${milliseconds(this.#clock.monotonicMs() - beganMs)}`);
    return result;
  }

  /** Something about the step under way. */
  detail(...lines: readonly string[]): void {
    for (const line of lines) this.#line(`${' '.repeat(NUMBER_WIDTH + 2)}${line}`);
  }

  #line(text: string): void {
    const seconds = ((this.#clock.monotonicMs() - this.#beganMs) / 1000).toFixed(2);
    this.#print(`${seconds.padStart(6)} s  ${text}`.trimEnd());
  }
}

/** `27 ms`, `1.4 s`. */
export function milliseconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
