import type { Clock, Logger } from '@cpns/shared';
import { LOG_LEVELS, type LogLevel } from '@cpns/shared/node';
import { type LogLine, type LogsParams, MAX_KEPT_LOG_LINES } from '../api/logs.js';

type Fields = Readonly<Record<string, unknown>>;

const severity = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** The last lines of the log, for `logs`. Lines come in redacted form: what a log must not hold never reaches it. */
export class LogMemory {
  readonly #clock: Clock;
  readonly #lines: LogLine[] = [];
  readonly #followers = new Set<(line: LogLine) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A logger that writes to `inner` and remembers. */
  over(inner: Logger, component = 'agent'): Logger {
    const write =
      (level: LogLevel) =>
      (message: string, fields: Fields = {}) => {
        inner[level](message, fields);
        this.#keep({ wallMs: this.#clock.wallMs(), level, component, message, fields: plain(fields) });
      };
    return {
      debug: write('debug'),
      info: write('info'),
      notice: write('notice'),
      warn: write('warn'),
      error: write('error'),
      child: (name) => this.over(inner.child(name), component === 'agent' ? name : `${component}/${name}`),
    };
  }

  /** Lines of the past, oldest first. */
  past({ level, last }: Pick<LogsParams, 'level' | 'last'>): LogLine[] {
    if (last === 0) return [];
    return this.#lines.filter((line) => severity(line.level) >= severity(level)).slice(-last);
  }

  /** Lines to come; the returned function ends it. */
  follow(level: LogLevel, follower: (line: LogLine) => void): () => void {
    const filtered = (line: LogLine) => {
      if (severity(line.level) >= severity(level)) follower(line);
    };
    this.#followers.add(filtered);
    return () => this.#followers.delete(filtered);
  }

  #keep(line: LogLine): void {
    this.#lines.push(line);
    if (this.#lines.length > MAX_KEPT_LOG_LINES) this.#lines.shift();
    for (const follower of this.#followers) follower(line);
  }
}

/** Fields as plain JSON of bounded length; octets and objects do not show what is in them. */
function plain(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      if (typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null) return [name, value];
      if (value instanceof Uint8Array) return [name, `[${value.length} octets]`];
      return [name, String(value).slice(0, 500)];
    }),
  );
}
