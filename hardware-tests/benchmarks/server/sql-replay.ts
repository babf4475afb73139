import BetterSqlite3 from 'better-sqlite3';
import type { SqlCall, SqlLog } from './sql-log.js';

const PRAGMAS = [
  'locking_mode = EXCLUSIVE',
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'trusted_schema = OFF',
  'temp_store = MEMORY',
  'cache_size = -32768',
  'journal_size_limit = 67108864',
];

/** Runs recorded statements on a bare SQLite with the settings of the server, in commits of its own. */
export class SqlReplay {
  /** The calls of each transaction, with those outside of one that came before it. */
  readonly transactions: readonly (readonly SqlCall[])[];
  readonly #sqlite: BetterSqlite3.Database;
  readonly #statements: readonly BetterSqlite3.Statement<unknown[]>[];
  readonly #begin: BetterSqlite3.Statement;
  readonly #commit: BetterSqlite3.Statement;

  constructor(database: string, { temporary, statements, calls }: SqlLog) {
    this.#sqlite = new BetterSqlite3(database);
    for (const pragma of PRAGMAS) this.#sqlite.pragma(pragma);
    for (const sql of temporary) this.#sqlite.exec(sql);
    this.#statements = statements.map((sql) => this.#sqlite.prepare<unknown[]>(sql));
    this.#begin = this.#sqlite.prepare('BEGIN IMMEDIATE');
    this.#commit = this.#sqlite.prepare('COMMIT');
    const transactions: SqlCall[][] = [[]];
    for (const call of calls) {
      const sql = statements[call[0]];
      if (sql === 'BEGIN IMMEDIATE' || sql === 'COMMIT') continue;
      transactions.at(-1)?.push(call);
      if (sql === 'RELEASE job') transactions.push([]);
    }
    this.transactions = transactions.slice(0, -1);
  }

  /** These transactions, in one commit. */
  commit(transactions: readonly (readonly SqlCall[])[]): void {
    this.#begin.run();
    for (const calls of transactions) for (const [number, how, values] of calls) this.#statements[number]?.[how](...values);
    this.#commit.run();
  }

  close(): void {
    this.#sqlite.close();
  }
}
