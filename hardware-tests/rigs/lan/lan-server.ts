import type { WatchItem } from '@cpns/server';
import type { ServerProcess } from '../../processes/server-process.js';
import type { ServerAdmin, ServerHandle } from '../rig.js';
import type { AdminRelay } from './admin-relay.js';
import type { Host } from './lan-network.js';

/** MQTT over TLS; the host has no other service. */
export const UPLINK_PORT = 8883;

/** The server of a LAN stage: a process on a host of its own, asked through a relay beside it. */
export class LanServer implements ServerHandle {
  readonly id: string;
  readonly address: string;
  readonly #process: ServerProcess;
  readonly #relay: AdminRelay;
  readonly #host: Host;

  constructor(id: string, process: ServerProcess, relay: AdminRelay, host: Host) {
    this.id = id;
    this.#process = process;
    this.#relay = relay;
    this.#host = host;
    this.address = `${host.address}:${UPLINK_PORT}`;
  }

  get admin(): ServerAdmin {
    return this.#relay.admin;
  }
  get heard(): readonly WatchItem[] {
    return this.#relay.heard;
  }
  async start(): Promise<void> {
    await this.#process.start();
    await this.#relay.watch();
  }
  stop = () => this.#process.stop();
  kill = () => this.#process.kill();
  unplug = async () => this.#host.unplug();
  plug = async () => this.#host.plug();
}
