import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SystemClock, systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { onTestFinished } from 'vitest';
import { ensureAdminToken, readAdminToken } from '../../src/api/admin-access.js';
import { AdminServer } from '../../src/api/admin-server.js';
import { type BrokerStats, REFUSALS } from '../../src/broker/broker.js';
import { defaultSettings, type Settings } from '../../src/config/settings.js';
import { FakeAdmin } from './fake-admin.js';

export const STATS: BrokerStats = {
  connections: 3,
  pending: 1,
  reachable: 2,
  uplinkMessages: 40,
  downlinkMessages: 50,
  parsedOctets: 6000,
  refused: { ...Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])), 'frame-size': 7 } as BrokerStats['refused'],
};

export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'cpns-server-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A listening admin API over a {@link FakeAdmin}, with its own state directory. */
export async function startAdmin(changes: Partial<Settings['admin']> = {}) {
  const stateDirectory = await temporaryDirectory();
  await ensureAdminToken(stateDirectory, systemEntropy);
  const token = await readAdminToken(stateDirectory);
  const admin = new FakeAdmin();
  const logger = new MemoryLogger();
  const problems: string[] = [];
  const server = new AdminServer({
    settings: { ...defaultSettings().admin, port: 0, ...changes },
    admin,
    token,
    stateDirectory,
    brokerStats: () => STATS,
    problems: () => problems,
    clock: new SystemClock(),
    logger,
  });
  const url = await server.start();
  onTestFinished(() => server.stop());
  const authorization = `Bearer ${Buffer.from(token.reveal()).toString('latin1')}`;
  /** One request with the token; the body of the answer as JSON. */
  const call = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === '' ? undefined : JSON.parse(text) };
  };
  return { admin, server, url, authorization, stateDirectory, logger, problems, call };
}
