import { type Clock, describeError, type Logger } from '@cpns/shared';
import type { SqliteInbox } from './inbox.js';
import type { SqliteKeptMessages } from './kept-messages.js';
import type { SqliteReceivedData } from './received-data.js';
import type { RunningTime } from './running-time.js';

const EACH_MS = 30_000;

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly running: RunningTime;
  readonly inbox: SqliteInbox;
  readonly receivedData: SqliteReceivedData;
  readonly kept: SqliteKeptMessages;
  transact<T>(work: () => T): Promise<T>;
}

/** Drops what has been kept long enough and saves the running time, every half minute, in small transactions. */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #cancel = () => {};
  #stopped = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, logger } = this.#options;
    this.#cancel = clock.after(EACH_MS, () => {
      this.#round()
        .catch((error: unknown) => {
          if (!this.#stopped) logger.warn('old rows could not be dropped', { error: describeError(error) });
        })
        .finally(() => {
          if (!this.#stopped) this.start();
        });
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #round(): Promise<void> {
    const { running, inbox, receivedData, kept, transact } = this.#options;
    await transact(() => running.save());
    while (await transact(() => inbox.dropExpired()));
    while (await transact(() => receivedData.dropExpired()));
    while (await transact(() => kept.dropExpired()));
  }
}
