import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../../processes/keeper.js';
import { Program } from '../../../processes/program.js';
import type { DeviceHandle, Hostile } from '../../rig.js';
import type { Assault, HostileLine, Lure, Tally } from './orders.js';

const MAIN = fileURLToPath(new URL('./hostile-main.js', import.meta.url));
const ANSWER_MS = 30_000;

export interface HostileOptions {
  readonly clock: Clock;
  readonly keeper: Keeper;
  readonly nodeArguments: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly addressOf: (device: DeviceHandle) => string;
  /** Advertising data that the device sends at present, in hexadecimal; empty: none. */
  readonly advertisementOf: (device: DeviceHandle) => Promise<string>;
}

/** Somebody near who means harm: a process with an adapter of its own. */
export class HostileNeighbour implements Hostile {
  readonly #options: HostileOptions;
  readonly #program: Program;
  #lastId = 0;

  private constructor(options: HostileOptions) {
    const { clock, keeper, nodeArguments, env } = options;
    this.#options = options;
    this.#program = new Program({ name: 'hostile', command: [process.execPath, ...nodeArguments, MAIN], clock, keeper, env });
  }

  static async start(options: HostileOptions): Promise<HostileNeighbour> {
    const hostile = new HostileNeighbour(options);
    await hostile.#program.line((line) => (line.includes('"ready"') ? true : undefined), ANSWER_MS);
    return hostile;
  }

  get log() {
    return this.#program.log;
  }

  async assault(device: DeviceHandle, kind: Assault): Promise<void> {
    await this.#ask({ do: 'assault', address: this.#options.addressOf(device), kind });
  }

  async pretend(device: DeviceHandle, kind: Lure): Promise<void> {
    const data = await this.#options.advertisementOf(device);
    await this.#ask({ do: 'lure', data, entityId: device.id, kind });
  }

  tally(): Promise<Tally> {
    return this.#ask({ do: 'tally' }) as Promise<Tally>;
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }

  async #ask(order: object): Promise<Tally | null> {
    const id = ++this.#lastId;
    this.#program.write(`${JSON.stringify({ id, ...order })}\n`);
    const answer = await this.#program.line((line) => {
      const read = line.startsWith('{') ? (JSON.parse(line) as HostileLine) : undefined;
      return read !== undefined && 'id' in read && read.id === id ? read : undefined;
    }, ANSWER_MS);
    if ('failed' in answer) throw new CpnsError('Internal', 'HostileFailed', answer.failed);
    return answer.result;
  }
}
