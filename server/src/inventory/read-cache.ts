import type { Sqlite } from './sqlite.js';

/** Rows that one cache holds at most; the one that was read first goes first. */
const MAX_ROWS = 8_192;

/**
 * Committed rows by their key, so that what every request asks for is read once. What it holds is what is committed: no other process
 * has the file open, whoever changes a row says so in the same transaction, and nothing is taken in while a transaction is open, which
 * may yet fail.
 */
export class ReadCache<Key, Row> {
  readonly #sqlite: Pick<Sqlite, 'inTransaction'>;
  readonly #rows = new Map<Key, Row>();

  constructor(sqlite: Pick<Sqlite, 'inTransaction'>) {
    this.#sqlite = sqlite;
  }

  /** The row as `read` finds it. A row that is not there is looked for each time. */
  get(key: Key, read: () => Row | undefined): Row | undefined {
    const known = this.#rows.get(key);
    if (known !== undefined) return known;
    const row = read();
    if (row !== undefined && !this.#sqlite.inTransaction) this.#keep(key, row);
    return row;
  }

  /** That row is written or deleted in the transaction of the moment. */
  changed(key: Key): void {
    this.#rows.delete(key);
  }

  /** Any row may be. */
  clear(): void {
    this.#rows.clear();
  }

  #keep(key: Key, row: Row): void {
    this.#rows.set(key, row);
    const [oldest] = this.#rows.keys();
    if (this.#rows.size > MAX_ROWS && oldest !== undefined) this.#rows.delete(oldest);
  }
}
