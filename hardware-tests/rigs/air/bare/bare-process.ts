import { fileURLToPath } from 'node:url';
import { CpnsError } from '@cpns/shared';
import { Program, type ProgramOptions } from '../../../processes/program.js';
import type { BareLine, BareOrder, BareResults } from './protocol.js';

const MAIN = fileURLToPath(new URL('./bare-main.js', import.meta.url));
const ANSWER_MS = 30_000;

/** How a bare program is started. */
export interface BareOptions extends Omit<ProgramOptions, 'command' | 'name'> {
  readonly roles: readonly ('peripheral' | 'central')[];
  /** For Node itself, such as what replaces the socket to the controller. */
  readonly nodeArguments?: readonly string[];
  readonly main?: string;
}

type Event = Extract<BareLine, { event: string }>;

/** noble, bleno or both in a process of their own. */
export class BareProcess {
  readonly program: Program;
  #lastId = 0;

  constructor({ roles, nodeArguments = [], main = MAIN, ...options }: BareOptions) {
    this.program = new Program({ ...options, name: roles.join('+'), command: [process.execPath, ...nodeArguments, main, ...roles] });
  }

  /** The first event, also of the past, that is so. @throws CpnsError Timeout, State/ProgramEnded */
  event(is: (event: Event) => boolean, withinMs = ANSWER_MS): Promise<Event> {
    return this.program.line((line) => {
      const read = readLine(line);
      return read !== undefined && 'event' in read && is(read) ? read : undefined;
    }, withinMs);
  }

  /** Tells the central. @throws CpnsError Transport/LibraryFailed with what the library says, Timeout, State/ProgramEnded */
  async ask<K extends BareOrder['do']>(
    order: K,
    address: string,
    details: Omit<Extract<BareOrder, { do: K }>, 'id' | 'do' | 'address'>,
    withinMs = ANSWER_MS,
  ): Promise<BareResults[K]> {
    const id = ++this.#lastId;
    this.program.write(`${JSON.stringify({ id, do: order, address, ...details })}\n`);
    const answer = await this.program.line((line) => {
      const read = readLine(line);
      return read !== undefined && 'id' in read && read.id === id ? read : undefined;
    }, withinMs);
    if ('failed' in answer) throw new CpnsError('Transport', 'LibraryFailed', answer.failed);
    return answer.result as BareResults[K];
  }
}

/** Undefined: a line that a library prints. */
function readLine(line: string): BareLine | undefined {
  return line.startsWith('{') ? (JSON.parse(line) as BareLine) : undefined;
}
