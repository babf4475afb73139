/**
 * `sql-record-main STATE CROWD COUNT LOG`: a whole server and its crowd in this one process; writes down every statement that the server
 * runs while COUNT PNs are established.
 */
import { readFile } from 'node:fs/promises';
import { defaultSettings, startServer } from '@cpns/server';
import { parseHostPort, serverId } from '@cpns/shared';
import { createLogger } from '@cpns/shared/node';
import BetterSqlite3 from 'better-sqlite3';
import { readCrowd } from '../../crowd/account.js';
import { CrowdGateway } from '../../crowd/crowd-gateway.js';
import { crowdPorts } from '../../crowd/ports.js';
import { RAISED } from './raised.js';
import { type SqlCall, writeSqlLog } from './sql-log.js';

const [stateDirectory, crowdFile, count, logFile] = process.argv.slice(2) as [string, string, string, string];
const statements: string[] = [];
const calls: SqlCall[] = [];
const temporary: string[] = [];
let recording = false;

const { prepare } = BetterSqlite3.prototype;
BetterSqlite3.prototype.prepare = function recorded(this: BetterSqlite3.Database, sql: string) {
  const statement = prepare.call(this, sql);
  const number = statements.push(sql) - 1;
  for (const how of ['run', 'get', 'all'] as const) {
    const original = statement[how].bind(statement) as (...values: unknown[]) => unknown;
    Object.assign(statement, {
      [how]: (...values: unknown[]) => {
        // Copies: keys are overwritten after use.
        if (recording) calls.push([number, how, values.map((value) => (value instanceof Uint8Array ? new Uint8Array(value) : value))]);
        return original(...values);
      },
    });
  }
  return statement;
} as typeof prepare;

const { exec } = BetterSqlite3.prototype;
BetterSqlite3.prototype.exec = function recorded(this: BetterSqlite3.Database, sql: string) {
  if (sql.includes('TEMP TABLE')) temporary.push(sql);
  return exec.call(this, sql);
};

const defaults = defaultSettings();
const { idServer, households } = readCrowd(JSON.parse(await readFile(crowdFile, 'utf8')));
const server = await startServer({
  settings: {
    ...defaults,
    server: { id: serverId(idServer) },
    uplink: { ...defaults.uplink, ...RAISED.uplink, host: '127.0.0.1', port: 0, announce: false },
    admin: { ...defaults.admin, port: 0 },
    sessions: { ...defaults.sessions, ...RAISED.sessions },
    limits: { ...defaults.limits, ...RAISED.limits },
  },
  stateDirectory,
  logger: createLogger({ level: 'error', format: 'text' }),
});
const { signal } = new AbortController();
const ports = crowdPorts();
const address = parseHostPort(server.publicAddress);
const gateways = households.map((household) => new CrowdGateway({ household, ports, server: { idServer, address } }));
for (const gateway of gateways) await gateway.connect(signal);

const wanted = Number(count);
let begun = 0;
recording = true;
await Promise.all(
  gateways.map(async (gateway) => {
    for (let turn = 0; begun < wanted; turn++) {
      const pne = gateway.pnes[turn % gateway.pnes.length];
      if (pne === undefined) return;
      begun++;
      gateway.forget(await gateway.establish(pne));
    }
  }),
);
recording = false;
await writeSqlLog(logFile, { establishments: begun, temporary, statements, calls });
for (const gateway of gateways) gateway.leave();
await server.stop();
process.exit();
