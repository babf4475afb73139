import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../processes/keeper.js';
import { Program } from '../../processes/program.js';
import type { AirHost } from './bench-air.js';
import type { EndLine, EndOrder } from './end-lines.js';

/** 16,000 octets over the least MTU take a while. */
const DEED_MS = 120_000;

/** Which program stands at an end of a link. */
export type EndKind = 'bare-central' | 'bare-peripheral' | 'radio-end';

export interface EndOptions {
  readonly kind: EndKind;
  readonly host: AirHost;
  readonly args?: readonly string[];
  readonly clock: Clock;
  readonly keeper: Keeper;
}

type Details<K extends EndOrder['do']> = Omit<Extract<EndOrder, { do: K }>, 'id' | 'do'>;

/** One end of a Bluetooth link, a process of its own. */
export class EndProcess {
  readonly program: Program;
  #lastId = 0;

  constructor({ kind, host, args = [], clock, keeper }: EndOptions) {
    const main = fileURLToPath(new URL(`./${kind}-main.js`, import.meta.url));
    const command = [...host.prefix, process.execPath, main, ...args];
    this.program = new Program({ name: kind, command, clock, keeper, quiet: true });
  }

  /** @throws CpnsError Transport/EndFailed with what it says, Timeout, State/ProgramEnded */
  async ask<K extends EndOrder['do']>(order: K, details: Details<K>, signal?: AbortSignal): Promise<void> {
    const id = ++this.#lastId;
    this.program.write(`${JSON.stringify({ id, do: order, ...details })}\n`);
    const answer = await this.#line((line) => ('id' in line && line.id === id ? line : undefined), signal);
    if ('failed' in answer) throw new CpnsError('Transport', 'EndFailed', `${this.program.name}: ${answer.failed}`);
  }

  /** Resolves when messages can go both ways. */
  async linked(signal?: AbortSignal): Promise<void> {
    await this.#line((line) => ('event' in line ? true : undefined), signal);
  }

  #line<T>(read: (line: EndLine) => T | undefined, signal?: AbortSignal): Promise<T> {
    // The libraries print lines of their own.
    return this.program.line((line) => (line.startsWith('{') ? read(JSON.parse(line) as EndLine) : undefined), DEED_MS, signal);
  }
}
