import { createServer, type Server, type Socket } from 'node:net';
import { type Clock, CpnsError, type Logger } from '@cpns/shared';
import type { AgentControl } from './agent-control.js';
import { ControlConnection } from './control-connection.js';
import { listenPrivately } from './control-socket.js';

export interface ControlServerOptions {
  readonly agent: AgentControl;
  /** From `controlPath`. */
  readonly path: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default 16. */
  readonly maxClients?: number;
}

/**
 * The local control API: one JSON document per line over a unix socket or a named pipe. Whoever can open the socket is the user
 * whose agent this is; there is no other credential.
 */
export class ControlServer {
  readonly #server: Server;
  readonly #clients = new Map<Socket, ControlConnection>();
  readonly path: string;

  private constructor(options: ControlServerOptions) {
    const { maxClients = 16 } = options;
    this.path = options.path;
    const context = { ...options, logger: options.logger.child('control') };
    this.#server = createServer((socket) => {
      const connection = new ControlConnection(socket, context);
      this.#clients.set(socket, connection);
      socket.once('close', () => this.#clients.delete(socket));
      if (this.#clients.size > maxClients) {
        connection.end(new CpnsError('State', 'TooManyClients', `More than ${maxClients} programs talk to the agent; close one.`));
      }
    });
  }

  /** @throws CpnsError State when the socket cannot be opened privately */
  static async open(options: ControlServerOptions): Promise<ControlServer> {
    const server = new ControlServer(options);
    await listenPrivately(server.#server, options.path);
    return server;
  }

  /** Lets every client go; what they had under way is aborted. The socket is removed. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#clients.values()) connection.end(new CpnsError('State', 'AgentGone', 'The agent is ending.'));
    await closed;
  }
}
