import { constants, createHmac } from 'node:crypto';
import { createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls';
import { type Clock, CpnsError, type Entropy, isEntityId, type Logger, TokenBuckets } from '@cpns/shared';
import type { Settings } from '../config/settings.js';
import { addressGroup } from './address-group.js';
import type { BrokerAddress } from './broker.js';
import { PskConnection } from './psk-connection.js';
import type { PskDirectory } from './psk-directory.js';
import type { Refusals } from './refusals.js';

/** The one cipher suite of the uplink: mutual, forward secret, no certificates (architecture: stack). */
const CIPHERS = 'ECDHE-PSK-CHACHA20-POLY1305';
/** Addresses whose rate is remembered one by one. */
const REMEMBERED_ADDRESSES = 4096;

export interface PskListenerOptions {
  readonly settings: Settings['uplink'];
  readonly directory: PskDirectory;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly refusals: Refusals;
  /** A TLS handshake succeeded; the peer has `connectTimeoutMs` from its TCP connect to get {@link PskConnection.accept}. */
  readonly secured: (connection: PskConnection, socket: TLSSocket) => void;
}

/** Accepts TLS-PSK connections within limits that hold before anything costly is done for a peer. */
export class PskListener {
  readonly #options: PskListenerOptions;
  readonly #tcp: TcpServer;
  readonly #tls: TlsServer;
  readonly #handshakes: TokenBuckets;
  readonly #decoySecret: Uint8Array;
  readonly #connections = new Map<string, PskConnection>();
  #pending = 0;

  constructor(options: PskListenerOptions) {
    const { settings, clock, entropy } = options;
    this.#options = options;
    this.#handshakes = new TokenBuckets(
      clock,
      settings.handshakesPerSecondPerAddress,
      settings.handshakeBurstPerAddress,
      REMEMBERED_ADDRESSES,
    );
    this.#decoySecret = entropy.bytes(32);
    this.#tls = createTlsServer({
      ciphers: CIPHERS,
      minVersion: 'TLSv1.2',
      maxVersion: 'TLSv1.2',
      ecdhCurve: 'X25519:P-256',
      // A resumed session would ask for no key: a revoked device could come back with an old ticket.
      secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
      pskCallback: (socket, identity) => this.#keyFor(socket, identity),
    });
    this.#tls.on('secureConnection', (socket) => this.#secured(socket));
    this.#tls.on('tlsClientError', (error, socket) => this.#handshakeFailed(error, socket));
    this.#tcp = createTcpServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Sockets that are open; of these, without an accepted CONNECT. */
  get counts(): { readonly connections: number; readonly pending: number } {
    return { connections: this.#connections.size, pending: this.#pending };
  }

  connections(): Iterable<PskConnection> {
    return this.#connections.values();
  }

  /** @throws CpnsError Config/AddressInUse, Config/AddressRefused */
  listen(): Promise<BrokerAddress> {
    const { host, port } = this.#options.settings;
    return new Promise((resolve, reject) => {
      this.#tcp.once('error', (error: NodeJS.ErrnoException) => reject(cannotListen(error, host, port)));
      this.#tcp.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        const address = this.#tcp.address();
        if (address === null || typeof address === 'string')
          return reject(new CpnsError('Internal', 'NoAddress', 'The listener has no address.'));
        this.#tcp.removeAllListeners('error');
        this.#tcp.on('error', (error) => this.#options.logger.warn('A connection could not be accepted.', { cause: error.message }));
        resolve({ host: address.address, port: address.port });
      });
    });
  }

  /** Takes no more connections, closes those there are, and resolves when they are gone. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#tcp.close(() => resolve()));
    for (const connection of this.#connections.values()) connection.close();
    await closed;
  }

  #accept(raw: Socket): void {
    const { settings, refusals, clock } = this.#options;
    raw.on('error', () => raw.destroy());
    const endpoint = endpointOf(raw);
    if (endpoint === undefined || raw.remoteAddress === undefined) return void raw.destroy();
    const remote = raw.remoteAddress;
    if (!this.#handshakes.take(addressGroup(remote))) return this.#turnAway(raw, 'handshake-rate', remote);
    if (this.#connections.size >= settings.maxConnections || this.#pending >= settings.maxPendingConnections) {
      return this.#turnAway(raw, 'connection-cap', remote);
    }
    this.#pending++;
    const connection = new PskConnection(raw, refusals, {
      settled: () => {
        this.#pending--;
      },
      closed: () => this.#connections.delete(endpoint),
    });
    this.#connections.set(endpoint, connection);
    connection.deadline(clock.after(settings.connectTimeoutMs, () => connection.refuse('connect-deadline')));
    this.#tls.emit('connection', raw);
  }

  #turnAway(raw: Socket, refusal: 'handshake-rate' | 'connection-cap', remote: string): void {
    this.#options.refusals.count(refusal, { remote });
    raw.destroy();
  }

  /** Called in the midst of the handshake. An unknown identity gets a key that nobody has, so that it fails as a wrong key does. */
  #keyFor(socket: TLSSocket, identity: string): Uint8Array {
    const decoy = createHmac('sha256', this.#decoySecret).update(identity.slice(0, 256)).digest();
    const connection = this.#connectionOf(socket);
    if (connection === undefined || !isEntityId(identity)) return decoy;
    try {
      const key = this.#options.directory.tlsKey(identity);
      if (key === undefined) return decoy;
      connection.identity = identity;
      return key;
    } catch (error) {
      this.#options.logger.error('The key of a device could not be read.', { entityId: identity, cause: String(error) });
      return decoy;
    }
  }

  #secured(socket: TLSSocket): void {
    const connection = this.#connectionOf(socket);
    if (connection?.identity === undefined || connection.isClosed) return void socket.destroy();
    this.#options.secured(connection, socket);
  }

  #handshakeFailed(error: Error, socket: TLSSocket): void {
    const connection = this.#connectionOf(socket);
    this.#options.logger.debug('TLS handshake failed.', { cause: error.message });
    if (connection === undefined) socket.destroy();
    else connection.refuse('handshake-failed');
  }

  #connectionOf(socket: Socket): PskConnection | undefined {
    const endpoint = endpointOf(socket);
    return endpoint === undefined ? undefined : this.#connections.get(endpoint);
  }
}

/** What tells one open connection from all others. TLS gives its own socket object, which has the same addresses as the TCP one. */
function endpointOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress } = socket;
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress}`;
}

function cannotListen(error: NodeJS.ErrnoException, host: string | undefined, port: number): CpnsError {
  if (error.code === 'EADDRINUSE') {
    const sentence = `Port ${port} is taken: stop the other program, or choose another port with uplink.port.`;
    return new CpnsError('Config', 'AddressInUse', sentence, { cause: error });
  }
  const where = host === undefined ? `port ${port}` : `${host}, port ${port}`;
  const sentence = `Cannot listen on ${where} (${error.code}): choose another uplink.host or uplink.port.`;
  return new CpnsError('Config', 'AddressRefused', sentence, { cause: error });
}
