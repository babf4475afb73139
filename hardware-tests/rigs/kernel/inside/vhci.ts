import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../../processes/keeper.js';
import { LogTail } from '../../../processes/log-tail.js';
import { Program } from '../../../processes/program.js';
import { Emulator } from '../../btvirt/emulator.js';
import type { LogOf } from '../../rig.js';
import type { DeviceRadio, StageRadios } from '../../stage-radios.js';

/** What `vhci-main.js` says: the address, then the N of `hciN`. */
export type VhciLine = { readonly address: string } | { readonly index: number };

const MAIN = fileURLToPath(new URL('./vhci-main.js', import.meta.url));
const READY_MS = 30_000;
const EMULATOR_SOCKETS = '/tmp';
const missing = () => Promise.reject(new CpnsError('Internal', 'NoDistance', 'Nothing is out of range of the emulator.'));

/** An adapter that this machine's kernel drives. */
interface Plugged {
  readonly program: Program;
  readonly name: string;
  readonly address: string;
}

/** Adapters of the guest's kernel over controllers of BlueZ's emulator; only one emulator at a time. */
export class VhciRadios implements StageRadios {
  readonly #clock: Clock;
  readonly #keeper: Keeper;
  readonly #emulator: Emulator;
  readonly #log = new LogTail();
  readonly #plugged = new Set<Plugged>();

  private constructor(clock: Clock, keeper: Keeper, emulator: Emulator) {
    this.#clock = clock;
    this.#keeper = keeper;
    this.#emulator = emulator;
  }

  /** @throws CpnsError State/ProgramEnded, Timeout */
  static async open(clock: Clock, keeper: Keeper): Promise<VhciRadios> {
    return new VhciRadios(clock, keeper, await Emulator.start({ directory: EMULATOR_SOCKETS, clock, keeper }));
  }

  async add(_device: string): Promise<DeviceRadio & { readonly index: number }> {
    let plugged = await this.#plug();
    return {
      address: plugged.address,
      index: Number(plugged.name.slice('hci'.length)),
      prefix: [],
      unplug: () => this.#unplug(plugged),
      plug: async () => {
        plugged = await this.#plug();
      },
      jam: missing,
      unjam: missing,
      power: (isOn) => hciconfig(plugged.name, isOn ? 'up' : 'down'),
    };
  }

  logs(): readonly LogOf[] {
    return [
      { name: 'adapters', lines: this.#log.last() },
      { name: 'btvirt', lines: this.#emulator.log.last() },
    ];
  }

  async close(): Promise<void> {
    await Promise.all([...this.#plugged].map((plugged) => this.#unplug(plugged)));
    await this.#emulator.stop();
  }

  /** The emulator gives the first address that is free, so what is pulled out and put back in has the one that it had. */
  async #plug(): Promise<Plugged> {
    const command = [process.execPath, MAIN, this.#emulator.socketPath];
    const program = new Program({ name: 'vhci', command, clock: this.#clock, keeper: this.#keeper, log: this.#log });
    const read = (line: string) => JSON.parse(line) as Partial<{ index: number; address: string }>;
    const address = await program.line((line) => read(line).address, READY_MS);
    const index = await program.line((line) => read(line).index, READY_MS);
    const plugged = { program, name: `hci${index}`, address };
    this.#plugged.add(plugged);
    await hciconfig(plugged.name, 'up');
    return plugged;
  }

  async #unplug(plugged: Plugged): Promise<void> {
    this.#plugged.delete(plugged);
    plugged.program.endInput();
    await plugged.program.ended;
  }
}

/** What the operating system does with an adapter. @throws Error */
async function hciconfig(...words: string[]): Promise<void> {
  await promisify(execFile)('hciconfig', words);
}
