import type { Clock } from '@cpns/shared';
import type { CrowdGateway } from './crowd-gateway.js';

/** What a crowd did in a while. */
export interface LoopReport {
  readonly seconds: number;
  /** Time of each establishment that ended in it, in milliseconds. */
  readonly timesMs: readonly number[];
  readonly failures: number;
  /** One sentence about the first failure. */
  readonly failure?: string;
}

/** Every PN GW establishes one PN after another, with its PNEs in turn; none waits for another. */
export class ClosedLoop {
  readonly #gateways: readonly CrowdGateway[];
  readonly #clock: Clock;
  readonly #timesMs: number[] = [];
  #failures = 0;
  #failure: string | undefined;
  #running = false;
  #all: Promise<unknown> = Promise.resolve();
  #sinceMs = 0;

  constructor(gateways: readonly CrowdGateway[], clock: Clock) {
    this.#gateways = gateways;
    this.#clock = clock;
  }

  start(): void {
    this.#running = true;
    this.#all = Promise.all(this.#gateways.map((gateway) => this.#establish(gateway)));
    this.begin();
  }

  /** What was done before does not count. */
  begin(): void {
    this.#sinceMs = this.#clock.monotonicMs();
    this.#timesMs.length = 0;
    this.#failures = 0;
    this.#failure = undefined;
  }

  /** Since the last {@link begin}. */
  report(): LoopReport {
    const seconds = (this.#clock.monotonicMs() - this.#sinceMs) / 1_000;
    return {
      seconds,
      timesMs: [...this.#timesMs],
      failures: this.#failures,
      ...(this.#failure !== undefined && { failure: this.#failure }),
    };
  }

  /** Begins nothing any more; resolves when what was begun has ended. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#all;
  }

  async #establish(gateway: CrowdGateway): Promise<void> {
    for (let turn = 0; this.#running && gateway.isConnected; turn++) {
      const pne = gateway.pnes[turn % gateway.pnes.length];
      if (pne === undefined) return;
      const startedMs = this.#clock.monotonicMs();
      try {
        const pnId = await gateway.establish(pne);
        this.#timesMs.push(this.#clock.monotonicMs() - startedMs);
        // A crowd that kept every session would be measured by its own memory.
        gateway.forget(pnId);
      } catch (error) {
        this.#failures++;
        this.#failure ??= String(error);
      }
    }
  }
}
