import type { WatchItem } from '@cpns/server';
import type { ServerProcess } from '../processes/server-process.js';
import { type Cable, NO_CABLE } from './cable.js';
import type { OperatorDesk } from './operator-desk.js';
import type { Received } from './received.js';
import type { ServerAdmin, ServerHandle } from './rig.js';

/** A server of a stage that is a process. */
export class ProcessServer implements ServerHandle {
  readonly id: string;
  readonly address: string;
  readonly #process: ServerProcess;
  readonly #desk: OperatorDesk;
  readonly #cable: Cable;

  constructor(id: string, address: string, process: ServerProcess, desk: OperatorDesk, cable: Cable = NO_CABLE) {
    this.id = id;
    this.address = address;
    this.#process = process;
    this.#desk = desk;
    this.#cable = cable;
  }

  get admin(): ServerAdmin {
    return this.#desk.admin;
  }
  get heard(): readonly WatchItem[] {
    return this.#desk.heard;
  }
  get received(): readonly Received[] {
    return this.#process.log.received;
  }
  async start(): Promise<void> {
    await this.#process.start();
    await this.#desk.watch();
  }
  stop = () => this.#process.stop();
  kill = () => this.#process.kill();
  unplug = async () => this.#cable.unplug();
  plug = async () => this.#cable.plug();
}
