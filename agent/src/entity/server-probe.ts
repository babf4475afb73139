import { type Clock, deadline, type Entropy, retrySchedule } from '@cpns/shared';
import type { Reachability, Uplink } from './uplink-port.js';

/** "Reaches the server" is looked at this often (protocol 0.21) ... */
const EVERY_MS = 5 * 60_000;
/** ... and while it does not, after so long, and after a random time on top that doubles up to a minute. */
const RETRY_PAUSE_MS = 500;
const RETRY = { firstMs: 1_000, maxMs: 60_000 };
const ANSWER_LIMIT_MS = 10_000;

export interface ServerProbeOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly uplink: Pick<Uplink, 'probe'>;
  /** The outcome of each try. */
  reached(reach: Reachability): void;
}

/** Tries now and then whether the server can be reached with the own EUKey. */
export class ServerProbe {
  readonly #options: ServerProbeOptions;
  #run = new AbortController();
  #cancelNext = () => {};

  constructor(options: ServerProbeOptions) {
    this.#options = options;
  }

  /** Tries at once, and goes on from there. */
  now(): void {
    this.stop();
    this.#run = new AbortController();
    void this.#try(this.#run.signal, this.#retries());
  }

  stop(): void {
    this.#run.abort();
    this.#cancelNext();
  }

  async #try(signal: AbortSignal, retries: Iterator<number, never>): Promise<void> {
    const { clock, uplink, reached } = this.#options;
    const limit = deadline(clock, ANSWER_LIMIT_MS, signal, 'The server did not answer in time.');
    const reach = await uplink.probe(limit.signal);
    limit.done();
    if (signal.aborted) return;
    reached(reach);
    const pauseMs = reach.reachable ? EVERY_MS : RETRY_PAUSE_MS + retries.next().value;
    const next = reach.reachable ? this.#retries() : retries;
    this.#cancelNext = clock.after(pauseMs, () => void this.#try(signal, next));
  }

  #retries(): Iterator<number, never> {
    return retrySchedule(this.#options.entropy, RETRY);
  }
}
