import { CpnsError, isHostPort } from '@cpns/shared';
import type { Program } from '../../processes/program.js';
import type { Attacker, DeviceHandle, Direction } from '../rig.js';

/** An order to the attacker's process, one JSON line. */
export type AttackerOrder = { readonly id: number } & (
  | { readonly do: 'aim'; readonly target: string }
  | { readonly do: 'seen' }
  | { readonly do: 'alter'; readonly direction: Direction; readonly count: number }
  | { readonly do: 'replay'; readonly direction: Direction }
  | { readonly do: 'impersonate' }
  | { readonly do: 'cut' }
);

/** `result` is what the method of {@link Attacker} with the same name gives. */
export type AttackerAnswer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failed: string };

const ANSWER_MS = 30_000;

/** The attacker of a LAN stage: a process in a namespace with a foot in both networks, told what to do over its standard input. */
export class LanAttacker implements Attacker {
  readonly address: string;
  readonly #program: Program;
  /** Where the other side of the attacker reaches devices: addresses that begin so. */
  readonly #subnet: string;
  #lastId = 0;

  constructor(program: Program, address: string, subnet: string) {
    this.#program = program;
    this.address = address;
    this.#subnet = subnet;
  }

  async aim(device: DeviceHandle): Promise<void> {
    const { pan } = await device.request('status', {});
    const target = pan.flatMap(({ addresses }) => addresses).find((address) => isHostPort(address) && address.startsWith(this.#subnet));
    if (target === undefined) throw new CpnsError('State', 'NoAddress', `${device.id} says of no address that it can be reached there.`);
    await this.#ask({ do: 'aim', target });
  }

  seen = () => this.#ask({ do: 'seen' }) as ReturnType<Attacker['seen']>;
  alter = (direction: Direction, count: number) => this.#ask({ do: 'alter', direction, count }) as Promise<void>;
  replay = (direction: Direction) => this.#ask({ do: 'replay', direction }) as Promise<number>;
  impersonate = () => this.#ask({ do: 'impersonate' }) as ReturnType<Attacker['impersonate']>;
  cut = () => this.#ask({ do: 'cut' }) as Promise<void>;

  async #ask(order: object): Promise<unknown> {
    const id = ++this.#lastId;
    this.#program.write(`${JSON.stringify({ id, ...order })}\n`);
    const answer = await this.#program.line((line) => {
      const read = JSON.parse(line) as AttackerAnswer;
      return read.id === id ? read : undefined;
    }, ANSWER_MS);
    if ('failed' in answer) throw new CpnsError('Internal', 'AttackerFailed', answer.failed);
    return answer.result;
  }
}
