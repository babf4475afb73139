import type { WatchItem } from '@cpns/server';
import { CpnsError, type ErrorFamily } from '@cpns/shared';
import type { Program } from '../../processes/program.js';
import type { OperatorDesk } from '../operator-desk.js';
import type { ServerAdmin } from '../rig.js';

export const ADMIN_CALLS = [
  'charging',
  'addUser',
  'addDevice',
  'listDevices',
  'setPolicy',
  'allowGuest',
  'forbidGuest',
  'changeUser',
  'showDevice',
  'revokeDevice',
  'listGateways',
  'listPns',
  'showPn',
  'listGroups',
  'showGroup',
  'removeGroup',
  'send',
] as const satisfies readonly (keyof ServerAdmin)[];

/** An order to the relay, one JSON line. `watch` is answered once nothing is missed any more. */
export type RelayOrder =
  | { readonly id: number; readonly call: (typeof ADMIN_CALLS)[number]; readonly args: readonly unknown[] }
  | { readonly id: number; readonly call: 'watch' };

export type RelayAnswer =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly error: { readonly family: ErrorFamily; readonly code: string; readonly message: string } }
  | { readonly item: WatchItem };

/** A call that the server does not answer ends earlier with an error of the client in the relay. */
const ANSWER_MS = 90_000;

/** The admin API of a server in another network namespace, called through a process in that namespace. */
export class AdminRelay implements OperatorDesk {
  readonly heard: WatchItem[] = [];
  readonly admin: ServerAdmin;
  readonly #program: Program;
  #lastId = 0;

  constructor(program: Program) {
    this.#program = program;
    program.onLine((line) => {
      if (line === '') return;
      const answer = JSON.parse(line) as RelayAnswer;
      if ('item' in answer) this.heard.push(answer.item);
    });
    const call =
      (name: string) =>
      (...args: readonly unknown[]) =>
        this.#ask({ call: name, args });
    this.admin = Object.fromEntries(ADMIN_CALLS.map((name) => [name, call(name)])) as unknown as ServerAdmin;
  }

  /** Begins to hear what the server that runs now tells. */
  async watch(): Promise<void> {
    await this.#ask({ call: 'watch' });
  }

  async #ask(order: object): Promise<unknown> {
    const id = ++this.#lastId;
    this.#program.write(`${JSON.stringify({ id, ...order })}\n`);
    const answer = await this.#program.line((line) => {
      const read = JSON.parse(line) as RelayAnswer;
      return 'id' in read && read.id === id ? read : undefined;
    }, ANSWER_MS);
    if ('result' in answer) return answer.result;
    throw new CpnsError(answer.error.family, answer.error.code, answer.error.message);
  }
}
