import { AdminClient, type WatchItem } from '@cpns/server';
import { CpnsError } from '@cpns/shared';
import type { ServerProcess } from '../processes/server-process.js';
import type { ServerAdmin } from './rig.js';

/** The operator's side of a server, and what its `watch` tells. */
export interface OperatorDesk {
  readonly admin: ServerAdmin;
  readonly heard: readonly WatchItem[];
  /** Begins to hear what the server that runs now tells. After each of its starts. */
  watch(): Promise<void>;
}

/** The admin API of a server that this process can reach itself. */
export class DirectDesk implements OperatorDesk {
  readonly heard: WatchItem[] = [];
  readonly #server: ServerProcess;
  readonly #stop = new AbortController();
  #client: AdminClient | undefined;

  constructor(server: ServerProcess) {
    this.#server = server;
  }

  /** @throws CpnsError State/ServerNotRunning before the first {@link watch} */
  get admin(): ServerAdmin {
    if (this.#client === undefined) throw new CpnsError('State', 'ServerNotRunning', 'The server was not started yet.');
    return this.#client;
  }

  async watch(): Promise<void> {
    const client = await AdminClient.open(await this.#server.adminDirectory(), this.#stop.signal);
    this.#client = client;
    await new Promise<void>((resolve, reject) => {
      const item = (heard: WatchItem) => {
        this.heard.push(heard);
        return false;
      };
      // It ends with the server.
      client.watch({}, resolve, item).catch(reject);
    });
  }

  close(): void {
    this.#stop.abort();
  }
}
