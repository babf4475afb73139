import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connectTlsPsk } from '@cpns/agent';
import { type Clock, type CpnsError, entityId, sleep } from '@cpns/shared';
import { Secret } from '@cpns/shared/security';
import { LeanMqtt } from '../../crowd/lean-mqtt.js';
import type { Passed } from '../../crowd/orders.js';
import type { Keeper } from '../../processes/keeper.js';
import { Program, runProgram } from '../../processes/program.js';
import type { Exchange } from './bare-broker.js';

const RUN_MS = 120_000;

export interface BoundOptions {
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly signal: AbortSignal;
}

/** CPU of one establishment for one part of the work, in microseconds. */
interface Cost {
  readonly us: number;
}

/** The server's half of the handshake alone. */
export async function handshakeBound(count: number, { clock, keeper }: BoundOptions): Promise<Cost> {
  const command = [process.execPath, mainOf('handshake'), String(count)];
  return JSON.parse(await runProgram({ name: 'handshake', command, clock, keeper, withinMs: RUN_MS })) as Cost;
}

export interface SqlCost extends Cost {
  /** Per establishment. */
  readonly transactions: number;
  readonly statements: number;
}

/** Writes down the SQL of `count` establishments; the database as it was before is kept beside the log. */
export async function recordSql(stateDirectory: string, crowdFile: string, count: number, { clock, keeper }: BoundOptions): Promise<void> {
  await copyFile(join(stateDirectory, 'cpns.db'), join(stateDirectory, 'before.db'));
  const command = [process.execPath, mainOf('sql-record'), stateDirectory, crowdFile, String(count), sqlLogOf(stateDirectory)];
  await runProgram({ name: 'SQL recorder', command, clock, keeper, withinMs: RUN_MS });
}

/** The same SQL on a bare SQLite, so many transactions in one commit. Each call has the database as it was before. */
export async function sqlBound(stateDirectory: string, perCommit: number, { clock, keeper }: BoundOptions): Promise<SqlCost> {
  const command = [process.execPath, mainOf('sql'), await databaseBefore(stateDirectory), sqlLogOf(stateDirectory), String(perCommit)];
  return JSON.parse(await runProgram({ name: 'SQL', command, clock, keeper, withinMs: RUN_MS })) as SqlCost;
}

/** Payloads of one establishment and the connections that repeat them, none waiting for another. */
export interface Traffic {
  readonly passed: readonly Passed[];
  readonly connections: number;
}

/** As many messages of the same sizes through bare aedes over TLS-PSK. */
export async function mqttBound(
  traffic: Traffic,
  warmUpMs: number,
  ms: number,
  options: BoundOptions,
): Promise<Cost & { readonly perSecond: number }> {
  const { clock, keeper, signal } = options;
  const exchange = exchangeOf(traffic.passed);
  const program = new Program({ name: 'aedes', command: [process.execPath, mainOf('mqtt'), JSON.stringify(exchange)], clock, keeper });
  return withTraffic(program, exchange, traffic.connections, options, async () => {
    const counters = async (nth: number) => {
      program.write('\n');
      return JSON.parse(await nthLine(program, nth, signal)) as { cpuUs: number; received: number };
    };
    await sleep(clock, warmUpMs, signal);
    const before = await counters(1);
    const startedMs = clock.monotonicMs();
    await sleep(clock, ms, signal);
    const after = await counters(2);
    const cycles = (after.received - before.received) / exchange.up.length;
    return { us: (after.cpuUs - before.cpuUs) / cycles, perSecond: cycles / ((clock.monotonicMs() - startedMs) / 1_000) };
  });
}

/** Handshake, SQL and messages in one process, one after another as they come in a server: the same work with the caches shared. */
export async function togetherBound(stateDirectory: string, traffic: Traffic, options: BoundOptions): Promise<Cost> {
  const { clock, keeper, signal } = options;
  const exchange = exchangeOf(traffic.passed);
  const command = [process.execPath, mainOf('together'), await databaseBefore(stateDirectory), sqlLogOf(stateDirectory)];
  const program = new Program({ name: 'bound', command: [...command, JSON.stringify(exchange)], clock, keeper });
  return withTraffic(program, exchange, traffic.connections, options, async () => JSON.parse(await nthLine(program, 1, signal)) as Cost);
}

/** Runs `work` while `connections` clients repeat the exchange with `program`, which has told its port. */
async function withTraffic<T>(
  program: Program,
  { up, down }: Exchange,
  connections: number,
  { clock, signal }: BoundOptions,
  work: () => Promise<T>,
): Promise<T> {
  const clients: LeanMqtt[] = [];
  try {
    const { port } = JSON.parse(await nthLine(program, 0, signal)) as { port: number };
    const key = new Secret('psk', new Uint8Array(32).fill(1));
    const failed = (reason: CpnsError) => program.log.add(reason.message);
    for (let i = 0; i < connections; i++) {
      const id = entityId(`gw-${i}`);
      const socket = await connectTlsPsk({ host: '127.0.0.1', port }, { entityId: id, key }, clock, signal);
      let turn = 0;
      const publish = () => client.publish(new Uint8Array(up[turn++] as number));
      const next = () => {
        // What no answer comes to goes out together with what follows.
        if (turn === down.length) while (turn < up.length) publish();
        if (turn === up.length) turn = 0;
        publish();
      };
      const client = await LeanMqtt.open(socket, { entityId: id, message: next, closed: failed }, signal);
      clients.push(client);
      next();
    }
    return await work();
  } finally {
    for (const client of clients) client.destroy();
    await program.kill();
  }
}

function exchangeOf(passed: readonly Passed[]): Exchange {
  const octets = (way: Passed['way']) => passed.filter((message) => message.way === way).map((message) => message.octets);
  return { up: octets('up'), down: octets('down') };
}

function nthLine(program: Program, nth: number, signal: AbortSignal): Promise<string> {
  let seen = 0;
  return program.line((text) => (seen++ === nth ? text : undefined), RUN_MS, signal);
}

const sqlLogOf = (stateDirectory: string) => join(stateDirectory, 'sql.log');

/** A fresh copy of the database as it was before its log. */
async function databaseBefore(stateDirectory: string): Promise<string> {
  const database = join(stateDirectory, 'replay.db');
  for (const suffix of ['', '-wal', '-shm']) await rm(`${database}${suffix}`, { force: true });
  await copyFile(join(stateDirectory, 'before.db'), database);
  return database;
}

function mainOf(name: string): string {
  return fileURLToPath(new URL(`./${name}-main.js`, import.meta.url));
}
