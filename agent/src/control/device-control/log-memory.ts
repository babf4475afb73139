import type { Clock, Logger } from '@cpns/shared';
import { LOG_LEVELS, type LogLevel, logFields, logText } from '@cpns/shared/node';
import { type LogLine, MAX_KEPT_LOG_LINES } from '../api/logs.js';

type Fields = Readonly<Record<string, unknown>>;

/** What lines of no component in particular are of. */
const ROOT = 'agent';

const severity = (level: LogLevel): number => LOG_LEVELS.indexOf(level);

/** The last lines of the log, of every level, for `logs`: bounded, printable, without octets and secrets, as those that are written. */
export class LogMemory {
  readonly #clock: Clock;
  readonly #lines: LogLine[] = [];
  readonly #followers = new Set<(line: LogLine) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A logger that writes to `inner` and remembers. */
  over(inner: Logger, component = ROOT): Logger {
    const write =
      (level: LogLevel) =>
      (message: string, fields: Fields = {}) => {
        inner[level](message, fields);
        this.#keep({ wallMs: this.#clock.wallMs(), level, component, message: logText(message), fields: logFields(fields) });
      };
    return {
      debug: write('debug'),
      info: write('info'),
      notice: write('notice'),
      warn: write('warn'),
      error: write('error'),
      child: (name) => this.over(inner.child(name), component === ROOT ? name : `${component}/${name}`),
    };
  }

  /** The last `count` lines of at least `level`, oldest first. */
  past(level: LogLevel, count: number): readonly LogLine[] {
    const fitting = this.#lines.filter((line) => severity(line.level) >= severity(level));
    return fitting.slice(Math.max(0, fitting.length - count));
  }

  /** Lines of at least `level` from now on; the returned function ends it. */
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
    for (const follower of [...this.#followers]) follower(line);
  }
}
