import { CpnsError } from '@cpns/shared';
import BetterSqlite3 from 'better-sqlite3';
import { type CompiledQuery, DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } from 'kysely';
import { databaseError } from './sqlite-errors.js';
import type { Tables } from './tables.js';

/** Values that SQLite takes and gives. Blobs come out as Uint8Array. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** A query of kysely, with the type of its rows. */
interface Compilable<Row> {
  compile(): CompiledQuery<Row>;
}

/** How long a start waits for the process before to let go of the file. */
const BUSY_TIMEOUT_MS = 2_000;

/**
 * One SQLite file, opened for this process alone. Statements are prepared once. Writes work inside a transaction only, so that nothing
 * is ever changed without its commit being waited for.
 */
export class Sqlite {
  /** Builder of ordinary queries; it compiles, {@link select} runs. */
  readonly build = new Kysely<Tables>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
  readonly #db: BetterSqlite3.Database;
  readonly #prepared = new Map<string, BetterSqlite3.Statement<SqlValue[]>>();

  /** @throws CpnsError State/DatabaseInUse, State/DatabaseCorrupt, Config/DatabaseUnreachable, State/DiskFull */
  constructor(readonly path: string) {
    this.#db = this.#guard(() => new BetterSqlite3(path, { timeout: BUSY_TIMEOUT_MS }));
    try {
      this.#guard(() => {
        // Before the journal mode: WAL without shared memory, and the lock is held until the process ends, however it ends.
        this.#db.pragma('locking_mode = EXCLUSIVE');
        this.#db.pragma('journal_mode = WAL');
        this.#db.pragma('synchronous = FULL');
        this.#db.pragma('foreign_keys = ON');
        this.#db.pragma('trusted_schema = OFF');
        this.#db.pragma('temp_store = MEMORY');
        this.#db.pragma('cache_size = -4096');
        this.#db.pragma('journal_size_limit = 67108864');
        this.#db.exec('BEGIN IMMEDIATE; COMMIT');
      });
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction;
  }

  /** The first row, or undefined. */
  get<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    try {
      return plain(this.#prepare(sql).get(...values)) as Row | undefined;
    } catch (error) {
      throw this.#named(error);
    }
  }

  all<Row>(sql: string, ...values: SqlValue[]): Row[] {
    try {
      return this.#prepare(sql)
        .all(...values)
        .map(plain) as Row[];
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** Runs a write that returns a row, and gives that; undefined when it changed nothing. */
  change<Row>(sql: string, ...values: SqlValue[]): Row | undefined {
    this.#requireTransaction();
    return this.get<Row>(sql, ...values);
  }

  /** Runs a write. Constraint errors come through as SQLite names them, for the caller to tell apart. */
  run(sql: string, ...values: SqlValue[]): { readonly changes: number; readonly id: number } {
    this.#requireTransaction();
    try {
      const { changes, lastInsertRowid } = this.#prepare(sql).run(...values);
      return { changes, id: Number(lastInsertRowid) };
    } catch (error) {
      throw this.#named(error);
    }
  }

  select<Row>(query: Compilable<Row>): Row[] {
    const { sql, parameters } = query.compile();
    return this.all<Row>(sql, ...(parameters as SqlValue[]));
  }

  /** BEGIN, COMMIT, SAVEPOINT and their like. */
  control(sql: string): void {
    this.#guard(() => void this.#prepare(sql).run());
  }

  /** Several statements at once, for migrations. */
  script(sql: string): void {
    this.#guard(() => void this.#db.exec(sql));
  }

  pragma(name: string): number {
    return this.#guard(() => Number(this.#db.pragma(name, { simple: true })));
  }

  /** Runs `work` in a transaction of its own, durable on return. Not to be used inside another one. */
  alone<T>(work: () => T): T {
    this.control('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.control('COMMIT');
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.control('ROLLBACK');
      throw error;
    }
  }

  close(): void {
    this.#guard(() => void this.#db.close());
  }

  #requireTransaction(): void {
    if (!this.#db.inTransaction) throw new CpnsError('Internal', 'NoTransaction', 'The database was written to outside of a transaction.');
  }

  #prepare(sql: string): BetterSqlite3.Statement<SqlValue[]> {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare<SqlValue[]>(sql);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.#named(error);
    }
  }

  /** The error as the rest of the program knows it. */
  #named(error: unknown): unknown {
    if (error instanceof BetterSqlite3.SqliteError && error.code.startsWith('SQLITE_CONSTRAINT')) return error;
    return databaseError(error, this.path);
  }
}

/** The row with Uint8Array in place of Buffer, over the same octets. */
function plain(row: unknown): unknown {
  if (row === undefined || row === null) return undefined;
  const values = row as Record<string, unknown>;
  for (const name in values) {
    const value = values[name];
    if (Buffer.isBuffer(value)) values[name] = new Uint8Array(value.buffer, value.byteOffset, value.length);
  }
  return values;
}
