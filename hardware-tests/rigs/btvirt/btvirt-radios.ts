import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, CpnsError } from '@cpns/shared';
import { ROOT } from '../../processes/commands.js';
import type { Keeper } from '../../processes/keeper.js';
import { writeAdapters } from '../air/adapter-list.js';
import { environment } from '../air/air-radios.js';
import { ControllerDoor } from '../air/process/controller-door.js';
import type { LogOf } from '../rig.js';
import type { DeviceRadio, StageRadios } from '../stage-radios.js';
import { EmulatedController } from './emulated-controller.js';
import { Emulator } from './emulator.js';

const SHIM = join(ROOT, 'hardware-tests/rigs/btvirt/shim.c');
const missing = () => Promise.reject(new CpnsError('Internal', 'NotEmulated', "BlueZ's emulator cannot do that."));

export interface BtvirtRadiosOptions {
  /** Short, since paths of sockets are. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
}

/** Controllers of BlueZ's emulator for the devices of a stage: a second opinion on what the own ones do. */
export class BtvirtRadios implements StageRadios {
  readonly #directory: string;
  readonly #emulator: Emulator;
  readonly #doors: ControllerDoor[] = [];

  private constructor(directory: string, emulator: Emulator) {
    this.#directory = directory;
    this.#emulator = emulator;
  }

  /** @throws CpnsError State/ProgramEnded, Timeout */
  static async start({ directory, clock, keeper }: BtvirtRadiosOptions): Promise<BtvirtRadios> {
    await mkdir(directory, { recursive: true });
    const shim = join(directory, 'shim.so');
    await promisify(execFile)('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, SHIM, '-ldl']);
    const env = { LD_PRELOAD: shim, CPNS_BTVIRT_DIRECTORY: directory };
    return new BtvirtRadios(directory, await Emulator.start({ directory, env, clock, keeper }));
  }

  async add(device: string): Promise<DeviceRadio> {
    const socket = this.#emulator.connect();
    await once(socket, 'connect');
    const controller = new EmulatedController(socket);
    const address = await controller.start();
    const host = join(this.#directory, device);
    await mkdir(host, { recursive: true });
    const entry = { index: 0, address, isUp: true, socket: join(host, 'hci0') };
    this.#doors.push(await ControllerDoor.open(controller, entry.socket));
    writeAdapters(host, [entry]);
    return { address, prefix: environment(host), unplug: missing, plug: missing, power: missing, jam: missing, unjam: missing };
  }

  logs(): readonly LogOf[] {
    return [{ name: 'btvirt', lines: this.#emulator.log.last() }];
  }

  async close(): Promise<void> {
    await Promise.all(this.#doors.map((door) => door.close()));
    await this.#emulator.stop();
  }
}
