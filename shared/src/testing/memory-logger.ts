import type { Clock, Logger } from '../ports.js';

export type LogLevel = 'debug' | 'info' | 'notice' | 'warn' | 'error';

export interface LogLine {
  readonly level: LogLevel;
  /** Components joined with "/"; empty for the root. */
  readonly component: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
  /** When, on the monotonic clock, if the logger has one. */
  readonly atMs?: number;
}

/** Collects every line. Children write into the list of their root. */
export class MemoryLogger implements Logger {
  readonly lines: LogLine[];
  readonly #component: string;
  readonly #clock: Pick<Clock, 'monotonicMs'> | undefined;

  constructor(component = '', lines: LogLine[] = [], clock?: Pick<Clock, 'monotonicMs'>) {
    this.#component = component;
    this.lines = lines;
    this.#clock = clock;
  }

  debug(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('debug', message, fields);
  }
  info(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('info', message, fields);
  }
  notice(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('notice', message, fields);
  }
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('warn', message, fields);
  }
  error(message: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#add('error', message, fields);
  }

  child(component: string): MemoryLogger {
    return new MemoryLogger(this.#component === '' ? component : `${this.#component}/${component}`, this.lines, this.#clock);
  }

  /** The lines whose message contains `text` or matches it, of one level if given. */
  find(text: string | RegExp, level?: LogLevel): LogLine[] {
    const fits = (message: string) => (typeof text === 'string' ? message.includes(text) : text.test(message));
    return this.lines.filter((line) => fits(line.message) && (level === undefined || line.level === level));
  }

  #add(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const line = { level, component: this.#component, message, fields };
    this.lines.push(this.#clock === undefined ? line : { ...line, atMs: this.#clock.monotonicMs() });
  }
}
