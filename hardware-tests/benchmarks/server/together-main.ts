/**
 * `together-main DATABASE LOG EXCHANGE`: the three parts of the bound in one process, in the order in which a server comes to them: a
 * message arrives, a handshake goes on, a transaction waits for the commit that it shares, the answer leaves. Tells its port, and the CPU of
 * one establishment once LOG is played. The first quarter warms up.
 */
import type { ServerHandshake } from '@cpns/shared/security';
import { type Exchange, openBareBroker } from './bare-broker.js';
import { cpuUs } from './cpu.js';
import { HandshakePair } from './handshake-pair.js';
import { readSqlLog } from './sql-log.js';
import { SqlReplay } from './sql-replay.js';

/** Of the five messages up: PN Registration Request, and the Authentication Responses. */
const TURN = { challenge: 1, verify: 2 } as const;

const [database, logFile, exchangeText] = process.argv.slice(2) as [string, string, string];
const exchange = JSON.parse(exchangeText) as Exchange;
const log = await readSqlLog(logFile);
const replay = new SqlReplay(database, log);
const { transactions } = replay;
const perEstablishment = transactions.length / log.establishments;
const warm = Math.floor(transactions.length / 4);

const proofs: { handshake: ServerHandshake; hashPne: Uint8Array }[] = [];
const waiting: (() => void)[] = [];
let due = 0;
let played = 0;
let startedUs = 0;
let othersUs = 0;

/** Work of the PNE, which is not the server's. */
function aside<T>(work: () => T): T {
  const before = cpuUs();
  const result = work();
  othersUs += cpuUs() - before;
  return result;
}

function commit(): void {
  const answers = waiting.splice(0);
  const end = Math.min(transactions.length, played + answers.length);
  if (end > played) replay.commit(transactions.slice(played, end));
  if (played < warm && end >= warm) {
    startedUs = cpuUs();
    othersUs = 0;
  }
  const last = played < transactions.length && end === transactions.length;
  played = end;
  for (const answer of answers) answer();
  if (!last) return;
  const us = (cpuUs() - startedUs - othersUs) / (log.establishments * (1 - warm / transactions.length));
  console.log(JSON.stringify({ us }));
}

const port = await openBareBroker(exchange, (turn, answer) => {
  if (turn === TURN.challenge) {
    const pair = aside(() => new HandshakePair());
    const handshake = pair.challenge();
    proofs.push({ handshake, hashPne: aside(() => pair.answer(handshake)) });
  }
  const proof = turn === TURN.verify ? proofs.shift() : undefined;
  proof?.handshake.verify(proof.hashPne);
  // So many transactions as there are in the log, spread over the messages.
  due += perEstablishment / exchange.up.length;
  if (due < 1) return answer();
  due -= 1;
  if (waiting.push(answer) === 1) setImmediate(commit);
});
console.log(JSON.stringify({ port }));
