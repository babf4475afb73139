import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { serverId } from '@cpns/shared';
import { systemEntropy } from '@cpns/shared/node';
import { MemoryLogger } from '@cpns/shared/testing';
import { onTestFinished } from 'vitest';
import { ensureAdminToken } from '../../src/api/admin-access.js';
import type { Enrolment } from '../../src/api/admin-port.js';
import { type Server, startServer } from '../../src/compose.js';
import { defaultSettings, type Settings } from '../../src/config/settings.js';
import { createMasterKey } from '../../src/keys/master-key.js';

/** A state directory as `init` makes it, removed after the test. */
export async function initialisedState(): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'cpns-server-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  await createMasterKey(directory, systemEntropy);
  await ensureAdminToken(directory, systemEntropy);
  return directory;
}

/** Settings for loopback with free ports. */
export function testSettings(changes: { readonly [group in keyof Settings]?: Partial<Settings[group]> } = {}): Settings {
  const settings = defaultSettings();
  return {
    ...settings,
    server: { ...settings.server, id: serverId('cpns.test'), ...changes.server },
    uplink: { ...settings.uplink, host: '127.0.0.1', port: 0, announce: false, ...changes.uplink },
    admin: { ...settings.admin, port: 0, ...changes.admin },
    sessions: { ...settings.sessions, ...changes.sessions },
    limits: { ...settings.limits, ...changes.limits },
    database: { ...settings.database, ...changes.database },
  };
}

/** What is shown to a watcher. */
export interface Watching {
  /** The next `count` items. */
  firstItems(count: number): Promise<unknown[]>;
}

export class RunningServer {
  readonly logger = new MemoryLogger();
  #server: Server | undefined;

  private constructor(
    readonly stateDirectory: string,
    readonly settings: Settings,
  ) {}

  /** A whole server with real sockets and a real database, stopped after the test. */
  static async start(changes: Parameters<typeof testSettings>[0] = {}): Promise<RunningServer> {
    const running = new RunningServer(await initialisedState(), testSettings(changes));
    onTestFinished(() => running.stop());
    await running.restart();
    return running;
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('The server does not run.');
    return this.#server;
  }

  async restart(): Promise<void> {
    await this.stop();
    const { stateDirectory, settings, logger } = this;
    this.#server = await startServer({ settings, stateDirectory, logger });
  }

  async stop(): Promise<void> {
    await this.#server?.stop();
    this.#server = undefined;
  }

  /** One request of the admin API. */
  async admin(method: string, path: string, body?: unknown): Promise<{ readonly status: number; readonly body: unknown }> {
    const response = await fetch(`${this.server.adminUrl}${path}`, {
      method,
      headers: { authorization: await this.#authorization(), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** `GET /v1/watch`, from now on. */
  async watch(query: string): Promise<Watching> {
    const abort = new AbortController();
    onTestFinished(() => abort.abort());
    const headers = { authorization: await this.#authorization() };
    const response = await fetch(`${this.server.adminUrl}/v1/watch?${query}`, { headers, signal: abort.signal });
    const lines = createInterface({ input: Readable.fromWeb(response.body as never) })[Symbol.asyncIterator]();
    await lines.next();
    return {
      async firstItems(count) {
        const items: unknown[] = [];
        while (items.length < count) {
          const { value, done } = await lines.next();
          if (done === true) throw new Error('the watch ended');
          if (value !== '') items.push(JSON.parse(value));
        }
        return items;
      },
    };
  }

  async #authorization(): Promise<string> {
    return `Bearer ${(await readFile(join(this.stateDirectory, 'admin.token'), 'latin1')).trim()}`;
  }

  /** Enrols a device of `alice`, who is added when she is missing. */
  async enrol(entityId: string, services: readonly string[] = ['pn-gw'], userId = 'alice'): Promise<Enrolment> {
    await this.admin('POST', '/v1/users', { userId, services, chargeable: true });
    const { status, body } = await this.admin('POST', '/v1/devices', { entityId, userId });
    if (status >= 300) throw new Error(`enrolment was answered ${status}: ${JSON.stringify(body)}`);
    return body as Enrolment;
  }
}
