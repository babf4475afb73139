import { connect } from 'node:net';
import { AdminServer, defaultSettings, type EnablerControl, InventoryAdmin } from '@cpns/server';
import { CpnsError, serverId } from '@cpns/shared';
import { nativeProvider, SystemClock } from '@cpns/shared/node';
import { Secret } from '@cpns/shared/security';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { SimulatedServer } from '../../rigs/simulation/server.js';
import { must } from '../oracle.js';
import type { FuzzTarget, OpenTarget } from '../target.js';
import { octetsOf } from './text.js';

const TOKEN = 'fuzz-token-fuzz-token-fuzz-token-fuzz-token';
/** Users and devices that were added are forgotten after so many inputs. */
const INPUTS_PER_SERVER = 2_000;
const ANSWER_WITHIN_MS = 5_000;

function request(method: string, path: string, body?: unknown): Uint8Array {
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = ['Host: localhost', `Authorization: Bearer ${TOKEN}`, `Content-Length: ${text.length}`, 'Content-Type: application/json'];
  return octetsOf(`${method} ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n${text}`);
}

const REQUESTS = {
  health: request('GET', '/healthz'),
  metrics: request('GET', '/metrics'),
  proof: request('GET', `/v1/proof?nonce=${'0a'.repeat(32)}`),
  'list-users': request('GET', '/v1/users'),
  'add-user': request('POST', '/v1/users', { userId: 'bob', services: ['pn-gw'], chargeable: true }),
  'change-user': request('PATCH', '/v1/users/alice', { addServices: ['maps'], removeServices: ['pn-gw'], chargeable: false }),
  'show-policy': request('GET', '/v1/users/alice/policy'),
  'set-policy': request('PATCH', '/v1/users/alice/policy', { guests: 'invited', chargeElsewhere: 'never' }),
  'allow-guest': request('POST', '/v1/users/alice/invitations', { user: 'bob', until: '2099-01-01' }),
  'forbid-guest': request('DELETE', '/v1/users/alice/invitations?user=bob'),
  'remove-user': request('DELETE', '/v1/users/bob'),
  'add-device': request('POST', '/v1/devices', { entityId: 'tablet', userId: 'alice' }),
  'list-devices': request('GET', '/v1/devices?user=alice'),
  'show-device': request('GET', '/v1/devices/phone'),
  'move-device': request('POST', '/v1/devices/phone/move', { userId: 'bob' }),
  'revoke-device': request('POST', '/v1/devices/tablet/revoke', {}),
  gateways: request('GET', '/v1/gateways'),
  pns: request('GET', '/v1/pns'),
  'show-pn': request('GET', '/v1/pns/00112233445566778899aabbccddeeff'),
  'remove-pn': request('DELETE', '/v1/pns/00112233445566778899aabbccddeeff'),
  'send-message': request('POST', '/v1/messages', { to: 'phone', channel: 'c', contentType: 'text/plain', payload: 'aGk=', waitMs: 0 }),
  watch: request('GET', '/v1/watch?kind=event&past=10'),
};

/** The input itself says the token outside the header that proves it, for instance as the name of a user: an answer may repeat a name. */
function namesToken(data: Uint8Array): boolean {
  const elsewhere = Buffer.from(data).toString('latin1').replaceAll(`Authorization: Bearer ${TOKEN}`, '');
  return elsewhere.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))).includes(TOKEN);
}

/** A server with a listening admin API. */
async function startServer() {
  const simulated = new SimulatedServer(new VirtualClock());
  await simulated.enrol('phone');
  const { database: inventory, keys } = simulated;
  const enabler: EnablerControl = {
    revokeDevice: (id) => inventory.transact((tx) => tx.devices.revoke(id)),
    moveDevice: (id, owner) => inventory.transact((tx) => void tx.devices.move(id, owner)),
    renewConnections: async () => {},
    removeUser: (id) => inventory.transact((tx) => tx.users.remove(id)),
    removePn: (id) => inventory.transact((tx) => tx.pns.remove(id)),
    removeGroup: (id) => inventory.transact((tx) => tx.groups.remove(id)),
    isRekeying: () => false,
    sendData: async () => ({ messageId: '00'.repeat(16), state: 'queued' }),
    gauges: () => ({}),
  };
  const logger = new MemoryLogger();
  const server = new AdminServer({
    settings: { ...defaultSettings().admin, port: 0, requestsPerSecond: 1_000_000, requestBurst: 1_000_000 },
    admin: new InventoryAdmin({
      inventory,
      keys,
      enabler,
      broker: { connected: () => [] },
      provider: nativeProvider,
      clock: new VirtualClock(),
      serverId: serverId('cpns.test'),
      publicAddress: () => '192.0.2.1:8883',
    }),
    token: new Secret('admin token', octetsOf(TOKEN)),
    brokerStats: () => ({
      connections: 0,
      pending: 0,
      reachable: 0,
      uplinkMessages: 0,
      downlinkMessages: 0,
      parsedOctets: 0,
      refused: {} as never,
    }),
    problems: () => [],
    clock: new SystemClock(),
    logger,
  });
  const port = Number(new URL(await server.start()).port);
  const stop = async () => {
    await server.stop();
    await simulated.stop();
  };
  return { port, logger, stop };
}

/** The beginning of what is answered; empty when the connection is closed without an answer. */
function ask(port: number, octets: Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const done = (answer: string) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new CpnsError('Timeout', 'NoAnswer', 'A request was neither answered nor refused.'));
    }, ANSWER_WITHIN_MS);
    socket.on('data', (chunk) => done(chunk.toString('latin1')));
    socket.on('close', () => done(''));
    socket.on('error', () => done(''));
    socket.end(octets);
  });
}

async function openServer(): Promise<OpenTarget> {
  let server = await startServer();
  let given = 0;
  return {
    async fuzz(data) {
      if (++given % INPUTS_PER_SERVER === 0) {
        await server.stop();
        server = await startServer();
      }
      const answer = await ask(server.port, data);
      must(!/^HTTP\/1\.1 5(?!03)/.test(answer), `the server fails inside: ${answer.slice(0, 200)}`);
      must(answer === '' || answer.startsWith('HTTP/1.1 '), `an answer that is none: ${answer.slice(0, 200)}`);
      must(!answer.includes(TOKEN) || namesToken(data), 'the answer holds the token');
      const failed = server.logger.lines.find(({ level }) => level === 'error');
      must(failed === undefined, `the server fails inside: ${JSON.stringify(failed?.fields)}`);
    },
    close: () => server.stop(),
  };
}

export const adminApi: FuzzTarget = {
  name: 'admin-api',
  title: 'the admin HTTP API: method, path, headers, body',
  tokens: [
    ...[
      'GET ',
      'POST ',
      'DELETE ',
      'PUT ',
      'PATCH ',
      'HEAD ',
      'OPTIONS ',
      ' HTTP/1.1\r\n',
      '\r\n',
      '/v1/',
      '/',
      '?',
      '&',
      '=',
      '%00',
      '%2f',
      '%',
      '..',
    ],
    ...[
      '__proto__',
      'constructor',
      '"',
      '{',
      '}',
      '[',
      ']',
      ':',
      'null',
      '1e999',
      '\\u0000',
      'Content-Length: ',
      'Transfer-Encoding: chunked\r\n',
    ],
    ...['Expect: 100-continue\r\n', 'Connection: Upgrade\r\nUpgrade: h2c\r\n', 'Host: evil.example\r\n', 'Content-Encoding: gzip\r\n'],
  ],
  seeds: () => new Map(Object.entries(REQUESTS)),
  open: openServer,
};
