import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../../../processes/keeper.js';
import { Program } from '../../../processes/program.js';
import type { AirAnswer, AirLine, AirOrder, AirOrders } from './orders.js';

const ANSWER_MS = 30_000;

export interface AirProcessOptions {
  /** For its hosts. Paths of sockets are short: at most 60 characters. */
  readonly directory: string;
  readonly clock: Clock;
  readonly keeper: Keeper;
  /** The compiled program of the air. */
  readonly main?: string;
}

/** The air of a stage: a process that has all its virtual controllers, told what to do over its standard input. */
export class AirProcess {
  readonly #program: Program;
  #lastId = 0;

  private constructor(program: Program) {
    this.#program = program;
  }

  /** @throws CpnsError Timeout, State/ProgramEnded */
  static async start({ directory, clock, keeper, main = MAIN }: AirProcessOptions): Promise<AirProcess> {
    const program = new Program({ name: 'air', command: [process.execPath, main, directory], clock, keeper, quiet: true });
    const air = new AirProcess(program);
    await air.#answer(0);
    return air;
  }

  get log() {
    return this.#program.log;
  }

  /** @throws CpnsError Internal/AirFailed with what the air says, Timeout, State/ProgramEnded */
  async ask<K extends AirOrder>(order: K, details: Parameters<AirOrders[K]>[0]): Promise<ReturnType<AirOrders[K]>> {
    const id = ++this.#lastId;
    const line: AirLine = { id, do: order, with: details };
    this.#program.write(`${JSON.stringify(line)}\n`);
    return (await this.#answer(id)) as ReturnType<AirOrders[K]>;
  }

  async stop(): Promise<void> {
    await this.#program.kill();
  }

  async #answer(id: number): Promise<unknown> {
    const answer = await this.#program.line((line) => {
      const read = JSON.parse(line) as AirAnswer;
      return read.id === id ? read : undefined;
    }, ANSWER_MS);
    if ('failed' in answer) throw new CpnsError('Internal', 'AirFailed', answer.failed);
    return answer.result;
  }
}

const MAIN = fileURLToPath(new URL('./air-main.js', import.meta.url));
