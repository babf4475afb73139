/**
 * `sql-main DATABASE LOG GROUP`: runs the statements of LOG on a bare SQLite with the settings of the server, GROUP transactions in one
 * commit, and tells the CPU of one establishment. The first quarter warms up.
 */
import BetterSqlite3 from 'better-sqlite3';
import { cpuUs } from './cpu.js';
import { readSqlLog, type SqlCall } from './sql-log.js';

const [database, logFile, group] = process.argv.slice(2) as [string, string, string];
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

const { establishments, temporary, statements, calls } = await readSqlLog(logFile);
const sqlite = new BetterSqlite3(database);
for (const pragma of PRAGMAS) sqlite.pragma(pragma);
for (const sql of temporary) sqlite.exec(sql);
const prepared = statements.map((sql) => ({ sql, statement: sqlite.prepare<unknown[]>(sql) }));
const begin = sqlite.prepare('BEGIN IMMEDIATE');
const commit = sqlite.prepare('COMMIT');
const perCommit = Number(group);

/** Commits of the server are left out: transactions are grouped here as they were where the group size was seen. */
function play(some: readonly SqlCall[]): void {
  let open = false;
  let transactions = 0;
  let dueAt = perCommit;
  for (const [number, how, values] of some) {
    const { sql, statement } = prepared[number] as (typeof prepared)[number];
    if (sql === 'BEGIN IMMEDIATE' || sql === 'COMMIT') continue;
    if (sql === 'SAVEPOINT job' && !open) {
      begin.run();
      open = true;
    }
    statement[how](...values);
    if (sql !== 'RELEASE job' || ++transactions < dueAt) continue;
    dueAt += perCommit;
    commit.run();
    open = false;
  }
  if (open) commit.run();
}

const releases = calls.flatMap(([number], at) => (statements[number] === 'RELEASE job' ? [at + 1] : []));
const warm = releases[Math.floor(releases.length / 4)] ?? 0;
play(calls.slice(0, warm));
const startedUs = cpuUs();
play(calls.slice(warm));
const spentUs = cpuUs() - startedUs;
const share = 1 - Math.floor(releases.length / 4) / releases.length;
console.log(
  JSON.stringify({
    us: spentUs / (establishments * share),
    transactions: releases.length / establishments,
    statements: calls.length / establishments,
  }),
);
sqlite.close();
