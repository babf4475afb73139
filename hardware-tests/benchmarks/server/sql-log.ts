import { readFile, writeFile } from 'node:fs/promises';
import { deserialize, serialize } from 'node:v8';

/** One run of a statement: which, how, with what. */
export type SqlCall = readonly [statement: number, how: 'run' | 'get' | 'all', values: readonly unknown[]];

/** What a server asked its database, in order. */
export interface SqlLog {
  readonly establishments: number;
  /** Makes the temporary tables, which no file holds. */
  readonly temporary: readonly string[];
  readonly statements: readonly string[];
  readonly calls: readonly SqlCall[];
}

export const writeSqlLog = (path: string, log: SqlLog) => writeFile(path, serialize(log));
export const readSqlLog = async (path: string) => deserialize(await readFile(path)) as SqlLog;
