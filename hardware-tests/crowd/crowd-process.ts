import { fileURLToPath } from 'node:url';
import { type Clock, CpnsError } from '@cpns/shared';
import type { Keeper } from '../processes/keeper.js';
import { Program } from '../processes/program.js';
import type { Answer, Order } from './orders.js';

const ANSWER_MS = 120_000;

/** A crowd in a process of its own, so that its work does not count as the server's. */
export class CrowdProcess {
  readonly #program: Program;
  #answers = 0;

  /** `file`: an EnrolledCrowd as JSON. */
  constructor(file: string, clock: Clock, keeper: Keeper) {
    const main = fileURLToPath(new URL('./crowd-main.js', import.meta.url));
    this.#program = new Program({ name: 'crowd', command: [process.execPath, main, file], clock, keeper, quiet: true });
  }

  /** Gives one order and waits until it is carried out. Orders follow one another. @throws CpnsError State/CrowdFailed, State/ProgramEnded, Timeout */
  async order<D extends Order['do']>(order: Order & { readonly do: D }, signal: AbortSignal): Promise<Extract<Answer, { done: D }>> {
    let seen = 0;
    const wanted = ++this.#answers;
    const answered = this.#program.line((line) => (++seen === wanted ? (JSON.parse(line) as Answer) : undefined), ANSWER_MS, signal);
    this.#program.write(`${JSON.stringify(order)}\n`);
    const answer = await answered;
    if (answer.done === 'failed') throw new CpnsError('State', 'CrowdFailed', `The crowd could not ${order.do}: ${answer.why}`);
    return answer as Extract<Answer, { done: D }>;
  }

  async stop(): Promise<void> {
    this.#program.endInput();
    await this.#program.stop();
  }
}
