import type { AddressInfo } from 'node:net';
import { isIP } from 'node:net';
import { type Clock, CpnsError, describeError, formatHostPort, type Logger, TokenBucket, toCpnsError } from '@cpns/shared';
import type { Secret } from '@cpns/shared/security';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { BrokerStats } from '../broker/broker.js';
import type { Settings } from '../config/settings.js';
import { carriesToken, proofOf, publishAdminAddress, withdrawAdminAddress } from './admin-access.js';
import type { Admin } from './admin-port.js';
import { errorBody, httpStatus, refusalOfHttpLayer } from './http-errors.js';
import { createMetrics, type Metrics } from './metrics.js';
import { parsed, proofQuery } from './requests.js';
import { addRoutes } from './routes.js';
import { addWatch } from './watch.js';

/** A message of 16,000 octets in base64, and room to spare. */
const MAX_BODY_OCTETS = 65_536;
const MAX_PARAM_LENGTH = 64;
const MAX_HEADER_OCTETS = 8192;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_SOCKETS = 128;
/** Open to this machine. */
const LOCAL_PATHS: ReadonlySet<string> = new Set(['/healthz', '/metrics']);
/** Open to everybody. */
const PROOF_PATH = '/v1/proof';

export interface AdminServerOptions {
  readonly settings: Settings['admin'];
  readonly admin: Admin;
  readonly token: Secret;
  /** Where word is left for the commands; undefined leaves none. */
  readonly stateDirectory?: string;
  readonly brokerStats: () => BrokerStats;
  /** What is wrong with the server at the moment, one sentence each; none: healthy. */
  readonly problems: () => readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The admin HTTP API. `/healthz` and `/metrics` are open to this machine; everything else, and they from elsewhere, needs the token.
 * Those who have it and those who do not are counted apart, so that nobody uses up the operator's share.
 * Requests with a host name in `Host` are refused unless it is localhost, so that no web page reaches the API by a name of its own.
 */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #metrics: Metrics;
  readonly #requests: TokenBucket;
  readonly #unproven: TokenBucket;
  #http: FastifyInstance | undefined;

  constructor(options: AdminServerOptions) {
    const { settings, clock, admin, brokerStats } = options;
    this.#options = options;
    this.#metrics = createMetrics(brokerStats, admin);
    const bucket = () => new TokenBucket(clock, settings.requestsPerSecond, settings.requestBurst);
    this.#requests = bucket();
    this.#unproven = bucket();
  }

  /** The base URL. @throws CpnsError Config/AddressInUse, Config/AddressRefused */
  async start(): Promise<string> {
    const { settings, stateDirectory } = this.#options;
    const http = this.open();
    try {
      await http.listen({ host: settings.host, port: settings.port });
    } catch (error) {
      throw cannotListen(error as NodeJS.ErrnoException, settings);
    }
    const { address, port } = http.server.address() as AddressInfo;
    const url = `http://${formatHostPort(address, port)}`;
    if (stateDirectory !== undefined) await publishAdminAddress(stateDirectory, url);
    return url;
  }

  /** The API without a listener, for whoever asks it from within this process. */
  open(): FastifyInstance {
    const { settings, admin, clock, logger } = this.#options;
    const http = fastify({
      bodyLimit: MAX_BODY_OCTETS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionTimeout: 0,
      forceCloseConnections: true,
      routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
      frameworkErrors: (_error, _request, reply) => void (reply as FastifyReply).status(400).send(errorBody(unreadablePath())),
      http: { maxHeaderSize: MAX_HEADER_OCTETS, headersTimeout: REQUEST_TIMEOUT_MS },
    });
    http.server.maxConnections = MAX_SOCKETS;
    http.addHook('onRequest', async (request) => this.#admit(request));
    http.addHook('onResponse', async (request, reply) => this.#metrics.countRequest(request.routeOptions.url ?? 'none', reply.statusCode));
    http.setErrorHandler((thrown, request, reply) => {
      const refused = refusalOfHttpLayer(thrown);
      const error = refused?.error ?? toCpnsError(thrown);
      if (error.family === 'Internal')
        logger.error('An admin request failed.', { path: request.routeOptions.url, cause: describeError(error) });
      if (error.retryAfterMs !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterMs / 1000)));
      if (error.code === 'BadToken') reply.header('www-authenticate', 'Bearer');
      return reply.status(refused?.status ?? httpStatus(error)).send(errorBody(error));
    });
    http.setNotFoundHandler((_request, reply) =>
      reply.status(404).send(errorBody(new CpnsError('Config', 'NoSuchPath', 'There is no such path in the admin API.'))),
    );
    http.get('/healthz', (_request, reply) => {
      const problems = this.#options.problems();
      return reply.status(problems.length === 0 ? 200 : 503).send({ healthy: problems.length === 0, problems });
    });
    http.get('/metrics', async (_request, reply) => reply.type(this.#metrics.contentType).send(await this.#metrics.render()));
    http.get(PROOF_PATH, (request, reply) => {
      const proof = proofOf(this.#options.token, parsed(proofQuery, request.query).nonce).toString('hex');
      return reply.header('cache-control', 'no-store').send({ proof });
    });
    addRoutes(http, admin);
    addWatch(http, { admin, clock, maxWatchers: settings.maxWatchers });
    this.#http = http;
    return http;
  }

  /** Ends open requests and the listener. Harmless when repeated. */
  async stop(): Promise<void> {
    const http = this.#http;
    this.#http = undefined;
    if (http === undefined) return;
    if (this.#options.stateDirectory !== undefined) await withdrawAdminAddress(this.#options.stateDirectory);
    await http.close();
  }

  #admit(request: FastifyRequest): void {
    const proven = carriesToken(request.headers.authorization, this.#options.token);
    if (!(proven ? this.#requests : this.#unproven).take()) {
      throw new CpnsError('State', 'TooManyRequests', 'There are too many requests (admin.requestsPerSecond): wait a moment.', {
        retryAfterMs: 1000,
      });
    }
    if (!isOwnName(request.hostname)) {
      throw new CpnsError('Auth', 'ForeignHost', 'The admin API is reached by IP address or as localhost, by no other name.');
    }
    const path = request.routeOptions.url ?? '';
    const open = path === PROOF_PATH || (LOCAL_PATHS.has(path) && isLoopback(request.ip));
    if (!open && !proven) {
      throw new CpnsError(
        'Auth',
        'BadToken',
        'The admin token is missing or wrong: it stands in the file admin.token of the state directory.',
      );
    }
  }
}

function unreadablePath(): CpnsError {
  const sentence = `The path cannot be read: its names have at most ${MAX_PARAM_LENGTH} characters, and a percent sign in them is %25.`;
  return new CpnsError('Config', 'BadPath', sentence);
}

function isOwnName(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[|\]$/g, '')) !== 0;
}

function isLoopback(ip: string): boolean {
  return ip === '::1' || /^(?:::ffff:)?127\./.test(ip);
}

function cannotListen(error: NodeJS.ErrnoException, { host, port }: Settings['admin']): CpnsError {
  if (error.code === 'EADDRINUSE') {
    const sentence = `Port ${port} is taken: stop the other program, or choose another port with admin.port.`;
    return new CpnsError('Config', 'AddressInUse', sentence, { cause: error });
  }
  const sentence = `Cannot listen on ${host}, port ${port} (${error.code}): choose another admin.host or admin.port.`;
  return new CpnsError('Config', 'AddressRefused', sentence, { cause: error });
}
