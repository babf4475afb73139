import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Clock, CpnsError } from '@cpns/shared';
import { systemEntropy } from '@cpns/shared/node';
import { ROOT } from '../../processes/commands.js';
import type { Keeper } from '../../processes/keeper.js';
import { writeAdapters } from '../air/adapter-list.js';
import { environment } from '../air/air-radios.js';
import type { Attack } from '../air/controller/attack.js';
import { ControllerDoor } from '../air/process/controller-door.js';
import { RadioAttacker } from '../air/radio-attacker.js';
import type { Attacker, LogOf } from '../rig.js';
import type { DeviceRadio, StageRadios } from '../stage-radios.js';
import { AttackedController } from './attacked-controller.js';
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
  readonly #clock: Clock;
  readonly #doors: ControllerDoor[] = [];
  #tapped: AttackedController | undefined;

  private constructor(directory: string, emulator: Emulator, clock: Clock) {
    this.#directory = directory;
    this.#clock = clock;
    this.#emulator = emulator;
  }

  /** @throws CpnsError State/ProgramEnded, Timeout */
  static async start({ directory, clock, keeper }: BtvirtRadiosOptions): Promise<BtvirtRadios> {
    await mkdir(directory, { recursive: true });
    const shim = join(directory, 'shim.so');
    await promisify(execFile)('gcc', ['-shared', '-fPIC', '-O1', '-o', shim, SHIM, '-ldl']);
    const env = { LD_PRELOAD: shim, CPNS_BTVIRT_DIRECTORY: directory };
    return new BtvirtRadios(directory, await Emulator.start({ directory, env, clock, keeper }), clock);
  }

  /** He sits on the wire between a device and its controller: whatever the emulator is, it does not notice him. */
  attacker(): Attacker {
    return new RadioAttacker({
      seen: async () => this.#attack().seen,
      alter: async (direction, count) => {
        this.#attack().tampering.alter[direction] = count;
      },
      replay: async (direction) => this.#attack().replay(direction),
      impersonate: () => this.#attack().impersonate(),
      cut: async () => this.#attack().cut(),
    });
  }

  async add(device: string, behind?: Attacker): Promise<DeviceRadio> {
    const socket = this.#emulator.connect();
    await once(socket, 'connect');
    const controller = new EmulatedController(socket);
    const address = await controller.start();
    const host = join(this.#directory, device);
    await mkdir(host, { recursive: true });
    const entry = { index: 0, address, isUp: true, socket: join(host, 'hci0') };
    const wired = behind === undefined ? controller : this.#tap(controller, address);
    this.#doors.push(await ControllerDoor.open(wired, entry.socket));
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

  #tap(controller: EmulatedController, address: string): AttackedController {
    this.#tapped = new AttackedController(controller, address, this.#clock, systemEntropy);
    return this.#tapped;
  }

  #attack(): Attack {
    if (this.#tapped === undefined) throw new CpnsError('Internal', 'NobodyAttacked', 'No device is behind the attacker yet.');
    return this.#tapped.attack;
  }
}
