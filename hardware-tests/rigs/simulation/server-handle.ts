import { Readable } from 'node:stream';
import {
  AdminClient,
  AdminServer,
  type AskServer,
  announceServer,
  defaultSettings,
  type EmbeddedBroker,
  type WatchItem,
} from '@cpns/server';
import type { Clock } from '@cpns/shared';
import { parseHostPort } from '@cpns/shared';
import { Secret, utf8 } from '@cpns/shared/security';
import { InsecureSeededEntropy } from '@cpns/shared/testing';
import { type Received, receivedIn } from '../received.js';
import type { ServerAdmin, ServerHandle } from '../rig.js';
import { SERVER_ID } from './device.js';
import type { Multicast, MulticastHost } from './multicast.js';
import type { SimulatedServer } from './server.js';

const TOKEN = 'of-the-admin-in-this-process';

export interface SimulatedServerHandleOptions {
  readonly server: SimulatedServer;
  readonly clock: Clock;
  readonly multicast: Multicast;
  readonly host: MulticastHost;
  readonly brokerStats: EmbeddedBroker['stats'];
}

/** What runs beside the enabler as long as the server does. */
interface Run {
  readonly ask: AskServer;
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** The server of a simulated stage, with its admin API asked in memory and its announcement on the simulated multicast. */
export class SimulatedServerHandle implements ServerHandle {
  readonly id = SERVER_ID;
  readonly address: string;
  readonly heard: WatchItem[] = [];
  readonly admin: ServerAdmin;
  readonly #client: AdminClient;
  readonly #options: SimulatedServerHandleOptions;
  #run: Run | undefined;

  constructor(options: SimulatedServerHandleOptions) {
    this.#options = options;
    this.address = options.server.address;
    const ask: AskServer = async (path, request) => {
      if (this.#run === undefined) throw new TypeError('nothing listens');
      return this.#run.ask(path, request);
    };
    this.#client = AdminClient.within(ask, token(), new AbortController().signal);
    this.admin = this.#client;
  }

  get received(): readonly Received[] {
    return receivedIn(this.#options.server.logger.lines);
  }

  async start(): Promise<void> {
    this.#options.server.restart();
    this.#run = await this.#begin();
    await new Promise<void>((resolve, reject) => {
      const item = (heard: WatchItem) => {
        this.heard.push(heard);
        return false;
      };
      // Ends with the server.
      this.#client.watch({}, resolve, item).catch(reject);
    });
  }

  async stop(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    await run?.stop();
    this.#options.server.crash();
  }

  async kill(): Promise<void> {
    const run = this.#run;
    this.#run = undefined;
    this.#options.server.crash();
    await run?.kill();
  }

  async unplug(): Promise<void> {
    this.#options.host.cable.unplug();
  }

  async plug(): Promise<void> {
    this.#options.host.cable.plug();
  }

  async #begin(): Promise<Run> {
    const { server, clock, multicast, host, brokerStats } = this.#options;
    const network = multicast.network(host);
    const withdraw = await announceServer({
      serverId: SERVER_ID,
      address: { host: '0.0.0.0', port: parseHostPort(this.address).port },
      clock,
      entropy: new InsecureSeededEntropy('announcement of the server'),
      logger: server.logger,
      network,
    });
    const api = new AdminServer({
      settings: defaultSettings().admin,
      admin: server.admin,
      token: token(),
      brokerStats,
      problems: () => [],
      clock,
      logger: server.logger,
    });
    const http = api.open();
    const ask: AskServer = async (path, { method = 'GET', headers, body }) => {
      const answer = await http.inject({
        method: method as 'GET',
        url: path,
        headers: headers as Record<string, string>,
        ...(body !== undefined && { payload: body as string }),
        payloadAsStream: true,
      });
      const { statusCode } = answer;
      const hasBody = statusCode !== 204;
      return new Response(hasBody ? (Readable.toWeb(answer.stream()) as ReadableStream<Uint8Array>) : null, { status: statusCode });
    };
    return {
      ask,
      stop: async () => {
        await withdraw();
        await api.stop();
      },
      kill: async () => {
        network.end();
        await withdraw();
        await api.stop();
      },
    };
  }
}

function token(): Secret {
  return new Secret('admin token', utf8(TOKEN));
}
