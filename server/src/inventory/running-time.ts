import type { Clock } from '@cpns/shared';
import type { Sqlite } from './sqlite.js';

/**
 * Milliseconds that this database was open, over all its openings. Ages are measured with it, since no rule of acceptance may depend on
 * the wall clock, and the monotonic clock starts anew with each process. After a crash it is behind by what ran since {@link save}: then
 * things are kept a little longer.
 */
export class RunningTime {
  readonly #sqlite: Sqlite;
  readonly #clock: Clock;
  readonly #offsetMs: number;

  constructor(sqlite: Sqlite, clock: Clock) {
    this.#sqlite = sqlite;
    this.#clock = clock;
    const saved = sqlite.get<{ value: number }>("SELECT value FROM meta WHERE name = 'running_ms'")?.value ?? 0;
    this.#offsetMs = saved - clock.monotonicMs();
  }

  nowMs(): number {
    return Math.floor(this.#clock.monotonicMs() + this.#offsetMs);
  }

  /** Within a transaction. */
  save(): void {
    this.#sqlite.run("INSERT INTO meta VALUES ('running_ms', ?) ON CONFLICT DO UPDATE SET value = excluded.value", this.nowMs());
  }
}
