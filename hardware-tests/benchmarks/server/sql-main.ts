/**
 * `sql-main DATABASE LOG GROUP`: runs the statements of LOG on a bare SQLite with the settings of the server, GROUP transactions in one
 * commit, and tells the CPU of one establishment. The first quarter warms up.
 */
import { cpuUs } from './cpu.js';
import { readSqlLog } from './sql-log.js';
import { SqlReplay } from './sql-replay.js';

const [database, logFile, group] = process.argv.slice(2) as [string, string, string];
const log = await readSqlLog(logFile);
const replay = new SqlReplay(database, log);
const { transactions } = replay;

function play(from: number, to: number): void {
  let begun = from;
  for (let dueAt = from; begun < to; ) {
    dueAt += Number(group);
    const end = Math.min(to, Math.round(dueAt));
    replay.commit(transactions.slice(begun, end));
    begun = end;
  }
}

const warm = Math.floor(transactions.length / 4);
play(0, warm);
const startedUs = cpuUs();
play(warm, transactions.length);
const spentUs = cpuUs() - startedUs;
console.log(
  JSON.stringify({
    us: spentUs / (log.establishments * (1 - warm / transactions.length)),
    transactions: transactions.length / log.establishments,
    statements: transactions.flat().length / log.establishments,
  }),
);
replay.close();
