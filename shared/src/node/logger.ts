import { pino } from 'pino';
import type { Logger } from '../ports.js';
import { logFields, logText } from './log-fields.js';
import { FileSink, type LogSink, StreamSink } from './log-sink.js';
import { lineFormatter } from './log-text.js';

/** In rising severity; see {@link Logger} for whom each is meant. */
export const LOG_LEVELS = ['debug', 'info', 'notice', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** Lowest severity that is written. Default: info. */
  readonly level?: LogLevel;
  /** One JSON object per line, or one line for people. Default: json. */
  readonly format?: 'json' | 'text';
  /** Standard error by default, because standard output belongs to answers. A file is appended to and has mode 0600. */
  readonly destination?: 'stdout' | 'stderr' | { readonly file: string } | NodeJS.WritableStream;
  /** Colours in the text format. Default: on a terminal, unless NO_COLOR is set. */
  readonly colours?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** What all children of a logger share. */
interface Root {
  readonly pino: pino.Logger<'notice'>;
  readonly sink: LogSink;
}

/** Names of a line that are ours; a caller's field of such a name gets an underscore. */
const RESERVED = new Set(['level', 'time', 'component', 'message']);

/** The log of a process: bounded, printable lines without octets and secrets. Made by {@link createLogger}. */
export class SystemLogger implements Logger {
  readonly #root: Root;
  readonly #component: string | undefined;

  constructor(root: Root, component?: string) {
    this.#root = root;
    this.#component = component;
  }

  debug(message: string, fields?: Fields): void {
    this.#write('debug', message, fields);
  }
  info(message: string, fields?: Fields): void {
    this.#write('info', message, fields);
  }
  notice(message: string, fields?: Fields): void {
    this.#write('notice', message, fields);
  }
  warn(message: string, fields?: Fields): void {
    this.#write('warn', message, fields);
  }
  error(message: string, fields?: Fields): void {
    this.#write('error', message, fields);
  }

  child(component: string): SystemLogger {
    return new SystemLogger(this.#root, this.#component === undefined ? component : `${this.#component}/${component}`);
  }

  /** Changes the lowest severity that is written, of the whole process. */
  setLevel(level: LogLevel): void {
    this.#root.pino.level = level;
  }

  /** Closes the destination; later lines are lost. */
  close(): void {
    this.#root.sink.close();
  }

  #write(level: LogLevel, message: string, fields: Fields = {}): void {
    if (!this.#root.pino.isLevelEnabled(level)) return;
    const line: Record<string, unknown> = this.#component === undefined ? {} : { component: logText(this.#component) };
    for (const [name, value] of Object.entries(logFields(fields))) line[RESERVED.has(name) ? `${name}_` : name] = value;
    this.#root.pino[level](line, logText(message));
  }
}

/** Makes the log of a process. @throws CpnsError State/... when the file cannot be opened */
export function createLogger(options: LoggerOptions = {}): SystemLogger {
  const { level = 'info', format = 'json', destination = 'stderr' } = options;
  const stream = destination === 'stderr' ? process.stderr : destination === 'stdout' ? process.stdout : destination;
  const sink = 'file' in stream ? new FileSink(stream.file) : new StreamSink(stream);
  const forPeople = lineFormatter(options.colours ?? ('isTTY' in stream && stream.isTTY === true && !process.env.NO_COLOR));
  const settings = {
    level,
    customLevels: { notice: 35 },
    base: null,
    messageKey: 'message',
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const write = (line: string) => sink.write(format === 'text' ? forPeople(line) : line);
  return new SystemLogger({ pino: pino(settings, { write }), sink });
}
