import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type AdapterEntry, writeAdapters } from '../adapter-list.js';
import type { Air } from '../controller/air.js';
import type { ControllerOptions, VirtualController } from '../controller/virtual-controller.js';
import { ControllerDoor } from './controller-door.js';

interface Adapter {
  readonly host: Host;
  readonly index: number;
  readonly controller: VirtualController;
  readonly door: ControllerDoor;
  readonly socket: string;
  isUp: boolean;
}

interface Host {
  readonly directory: string;
  nextIndex: number;
}

/** The machines whose adapters are in the air: each a directory with the list of its adapters and their sockets. */
export class Hosts {
  readonly #air: Air;
  readonly #directory: string;
  readonly #hosts = new Map<string, Host>();
  readonly #adapters = new Map<string, Adapter>();

  constructor(air: Air, directory: string) {
    this.#air = air;
    this.#directory = directory;
  }

  /** Makes the host if there is none of that name. Gives its directory. */
  add(name: string): string {
    return this.#host(name).directory;
  }

  /** Plugs an adapter in, powered. Gives its index. @throws Error when the address is taken */
  async plug(name: string, options: ControllerOptions): Promise<number> {
    const host = this.#host(name);
    const index = host.nextIndex++;
    const socket = join(host.directory, `hci${index}`);
    const controller = this.#air.plug(options);
    const door = await ControllerDoor.open(controller, socket);
    this.#adapters.set(options.address, { host, index, controller, door, socket, isUp: true });
    this.#list(host);
    return index;
  }

  /** Pulls it out: the list changes first, then the sockets close. */
  async unplug(address: string): Promise<void> {
    const { host, controller, door } = this.#adapter(address);
    this.#adapters.delete(address);
    this.#list(host);
    this.#air.unplug(controller);
    await door.close();
  }

  power(address: string, isOn: boolean): void {
    const adapter = this.#adapter(address);
    adapter.isUp = isOn;
    this.#list(adapter.host);
    adapter.door.power(isOn);
  }

  /** The adapter forgets everything and says nothing, as one whose firmware crashed. */
  reset(address: string): void {
    this.#adapter(address).controller.reset();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#adapters.keys()].map((address) => this.unplug(address)));
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      host = { directory: join(this.#directory, name), nextIndex: 0 };
      mkdirSync(host.directory, { recursive: true });
      this.#hosts.set(name, host);
      this.#list(host);
    }
    return host;
  }

  #adapter(address: string): Adapter {
    const adapter = this.#adapters.get(address);
    if (adapter === undefined) throw new Error(`There is no adapter ${address}.`);
    return adapter;
  }

  #list(host: Host): void {
    const own = [...this.#adapters.values()].filter((adapter) => adapter.host === host);
    const entries = own.map(({ index, controller, isUp, socket }): AdapterEntry => ({ index, address: controller.address, isUp, socket }));
    writeAdapters(host.directory, entries);
  }
}
