import type { Server } from 'node:http';
import { CpnsError, type Logger } from '@cpns/shared';

export interface ListeningSocketsOptions {
  /** Wanted TCP port; 0: any free one, the same for all addresses. */
  readonly port: number;
  readonly logger: Logger;
  readonly create: () => Server;
}

/** Another program may hold on one address the port that was free on the first. */
const MOST_TRIES = 8;

/** Servers on a changing set of addresses, all at the same port. */
export class ListeningSockets {
  /** Every address, IPv6 and IPv4. */
  static readonly EVERYWHERE = '::';

  readonly #options: ListeningSocketsOptions;
  readonly #servers = new Map<string, Server>();
  #port = 0;
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ListeningSocketsOptions) {
    this.#options = options;
  }

  /** 0 while there is no address to listen on. */
  get port(): number {
    return this.#port;
  }

  /**
   * Listens on exactly `addresses` from now on. An address that is not ready yet is left out until the next call.
   * @throws CpnsError Config/PortTaken, Config/PortForbidden, Transport/CannotListen when none of them can be used
   */
  listenOn(addresses: readonly string[]): Promise<void> {
    const done = this.#work.then(() => this.#change(addresses));
    this.#work = done.catch(() => {});
    return done;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#work;
    this.#closeAll();
  }

  async #change(addresses: readonly string[]): Promise<void> {
    if (this.#closed) return;
    for (const address of this.#servers.keys()) if (!addresses.includes(address)) this.#closeOne(address);
    const mayMove = this.#options.port === 0 && this.#servers.size === 0;
    for (let tries = 1; ; tries++) {
      const failure = await this.#openAll(addresses);
      if (failure === undefined || (this.#servers.size > 0 && failure.code !== 'PortTaken')) return;
      if (failure.code !== 'PortTaken' || !mayMove || tries === MOST_TRIES) throw failure;
      this.#closeAll();
    }
  }

  /** The first failure, with everything else open. */
  async #openAll(addresses: readonly string[]): Promise<CpnsError | undefined> {
    let failure: CpnsError | undefined;
    for (const address of addresses) {
      if (this.#servers.has(address)) continue;
      try {
        await this.#openOne(address);
      } catch (error) {
        failure ??= explained(error, this.#options.port);
        this.#options.logger.debug('cannot listen', { address, error: String(error) });
      }
    }
    return failure;
  }

  async #openOne(address: string): Promise<void> {
    const port = this.#servers.size > 0 ? this.#port : this.#options.port;
    const server = this.#options.create();
    try {
      await listen(server, address, port);
    } catch (error) {
      // Systems without IPv6 have no "::".
      const code = (error as NodeJS.ErrnoException).code;
      if (address !== ListeningSockets.EVERYWHERE || (code !== 'EAFNOSUPPORT' && code !== 'EADDRNOTAVAIL')) throw error;
      await listen(server, '0.0.0.0', port);
    }
    server.on('error', (error) => this.#options.logger.warn('a listening socket failed', { address, error: String(error) }));
    const bound = server.address();
    if (typeof bound === 'object' && bound !== null) this.#port = bound.port;
    this.#servers.set(address, server);
  }

  #closeAll(): void {
    for (const address of [...this.#servers.keys()]) this.#closeOne(address);
  }

  /** Gives the port back at once. Links that were accepted there live on until they are closed. */
  #closeOne(address: string): void {
    const server = this.#servers.get(address);
    this.#servers.delete(address);
    if (this.#servers.size === 0) this.#port = 0;
    server?.close();
    server?.closeAllConnections();
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, ipv6Only: host !== ListeningSockets.EVERYWHERE }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

function explained(error: unknown, port: number): CpnsError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'EADDRINUSE') {
    const sentence = `TCP port ${port} is taken by another program: end that, or choose another in pan.lan.port (0 takes a free one).`;
    return new CpnsError('Config', 'PortTaken', sentence, { cause: error });
  }
  if (code === 'EACCES') {
    const sentence = `TCP port ${port} is not allowed to this user: choose one above 1023 in pan.lan.port (0 takes a free one).`;
    return new CpnsError('Config', 'PortForbidden', sentence, { cause: error });
  }
  return new CpnsError('Transport', 'CannotListen', `No link can be accepted (${code ?? 'unknown cause'}): check the network interfaces.`, {
    cause: error,
  });
}
