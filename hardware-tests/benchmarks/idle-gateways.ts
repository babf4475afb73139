import { fileURLToPath } from 'node:url';
import type { Clock } from '@cpns/shared';
import type { Keeper } from '../processes/keeper.js';
import { Program } from '../processes/program.js';

const MAIN = fileURLToPath(new URL('./idle-gateways-main.js', import.meta.url));
/** So many connect at the same time. */
const AT_ONCE = 100;
const CONNECT_LIMIT_MS = 60_000;

/** PN GWs in one process of their own, connected over TLS-PSK, authenticated and introduced to the server, which then do nothing. */
export class IdleGateways {
  readonly #program: Program;
  #count = 0;
  #ready = 0;

  constructor(clock: Clock, keeper: Keeper) {
    this.#program = new Program({ name: 'idle gateways', command: [process.execPath, MAIN], clock, keeper });
    this.#program.onLine((line) => {
      if (line.startsWith('{"ready":')) this.#ready = (JSON.parse(line) as { ready: number }).ready;
    });
  }

  /** So many are connected and authenticated now. */
  get ready(): number {
    return this.#ready;
  }

  /** Connects as many more as there are codes. @throws CpnsError Timeout, State/ProgramEnded */
  async add(codes: readonly string[], signal: AbortSignal): Promise<void> {
    for (let i = 0; i < codes.length; i += AT_ONCE) {
      const some = codes.slice(i, i + AT_ONCE);
      for (const code of some) this.#program.write(`${code}\n`);
      this.#count += some.length;
      await this.#program.line(() => this.#ready === this.#count || undefined, CONNECT_LIMIT_MS, signal);
    }
  }

  async close(): Promise<void> {
    await this.#program.kill();
  }
}
