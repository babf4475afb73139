import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Clock, CpnsError, formatHostPort, type Logger, TokenBuckets } from '@cpns/shared';
import { type InterfaceWatch, isOwnAddress, plainAddress } from '@cpns/shared/node';
import { WebSocketServer } from 'ws';
import { ListeningSockets } from './listening-sockets.js';
import { formFault, refuse } from './upgrade-request.js';
import { SOCKET_OPTIONS, SUBPROTOCOL, WebSocketLink } from './websocket-link.js';

export interface WebSocketListenerOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly watch: InterfaceWatch;
  /** TCP port; 0: any free one. */
  readonly port: number;
  /** Requests from one address, for links and pages, in the long run and at once. */
  readonly handshakesPerSecondPerAddress: number;
  readonly handshakeBurstPerAddress: number;
  readonly maxQueuedOctets: number;
  /** Connections of all kinds that may be open, links included. */
  readonly maxConnections: number;
  /** There is room for one more link. */
  readonly hasRoom: () => boolean;
  readonly accepted: (link: WebSocketLink) => void;
  readonly ended: (link: WebSocketLink) => void;
  /** Answers every request that does not ask for a link. */
  readonly page: RequestListener;
  /** The port has become known or has changed. */
  readonly listening: (port: number) => void;
  readonly problem: (sentence: string | undefined) => void;
}

const HANDSHAKE_LIMIT_MS = 5_000;

/** Accepts links and page requests on the chosen network interfaces, IPv4 and IPv6, all at one port. */
export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #upgrades: WebSocketServer;
  readonly #handshakes: TokenBuckets;
  readonly #sockets: ListeningSockets;
  #forgetWatch: (() => void) | undefined;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    this.#upgrades = new WebSocketServer({ ...SOCKET_OPTIONS, noServer: true, clientTracking: false, handleProtocols: () => SUBPROTOCOL });
    this.#handshakes = new TokenBuckets(options.clock, options.handshakesPerSecondPerAddress, options.handshakeBurstPerAddress);
    this.#sockets = new ListeningSockets({ port: options.port, logger: options.logger, create: () => this.#createServer() });
  }

  /** TCP port, or 0 while there is nowhere to listen. */
  get port(): number {
    return this.#sockets.port;
  }

  /** @throws CpnsError Config/PortTaken, Config/PortForbidden, Transport/CannotListen */
  async start(): Promise<void> {
    const follow = async () => {
      const before = this.port;
      await this.#sockets.listenOn(this.#addresses());
      if (this.port !== before && this.port !== 0) this.#options.listening(this.port);
    };
    await follow();
    this.#forgetWatch = this.#options.watch.onChange(() => {
      follow().then(
        () => this.#options.problem(undefined),
        (error) => this.#options.problem(error instanceof CpnsError ? error.message : String(error)),
      );
    });
  }

  async stop(): Promise<void> {
    this.#forgetWatch?.();
    await this.#sockets.close();
  }

  /** All addresses, with what arrives elsewhere turned away, so that networks may come and go; or those of the named interfaces only. */
  #addresses(): readonly string[] {
    const { watch } = this.#options;
    if (!watch.restricted) return [ListeningSockets.EVERYWHERE];
    return watch.current.flatMap((network) => network.addresses.map((a) => (a.scope === 0 ? a.address : `${a.address}%${network.name}`)));
  }

  #createServer(): Server {
    const server = createServer(
      {
        headersTimeout: HANDSHAKE_LIMIT_MS,
        requestTimeout: HANDSHAKE_LIMIT_MS,
        keepAliveTimeout: HANDSHAKE_LIMIT_MS,
        connectionsCheckingInterval: 1_000,
        maxHeaderSize: 8_192,
        noDelay: true,
      },
      (request, response) => {
        if (this.#handshakes.take(remoteAddress(request.socket))) return this.#options.page(request, response);
        response.writeHead(429, { 'Retry-After': '1', Connection: 'close' }).end();
      },
    );
    server.maxConnections = this.#options.maxConnections;
    server.on('connection', (socket: Socket) => {
      if (!this.#isWelcomeAt(socket.localAddress)) socket.destroy();
    });
    server.on('clientError', (_error, socket: Duplex) => socket.destroy());
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => this.#upgrade(request, socket, head));
    return server;
  }

  /** The connection came in through one of the chosen interfaces. */
  #isWelcomeAt(localAddress: string | undefined): boolean {
    const { watch } = this.#options;
    if (watch.restricted || watch.blind) return true;
    const isOurs = () => localAddress !== undefined && watch.current.some((network) => isOwnAddress(localAddress, network));
    if (isOurs()) return true;
    // An address that came up a moment ago.
    watch.check();
    return isOurs();
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    const remote = remoteAddress(request.socket);
    const status = this.#handshakes.take(remote) ? (formFault(request) ?? (this.#options.hasRoom() ? undefined : 503)) : 429;
    if (status !== undefined) {
      this.#options.logger.debug('a link was refused', { remote, status });
      return refuse(socket, status);
    }
    this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      const { clock, maxQueuedOctets, ended, accepted } = this.#options;
      const where = formatHostPort(remote, request.socket.remotePort ?? 0);
      accepted(new WebSocketLink(webSocket, { initiated: false, remote: where, clock, maxQueuedOctets, ended }));
    });
  }
}

function remoteAddress(socket: Socket): string {
  return plainAddress(socket.remoteAddress ?? 'unknown');
}
