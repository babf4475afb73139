import {
  type Clock,
  CpnsError,
  describeError,
  type EntityId,
  type Entropy,
  isEntityId,
  type Logger,
  retrySchedule,
  TokenBucket,
  toCpnsError,
} from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import type { RadioNeighbour } from './radio-port.js';

/** Strangers with an open pairing window that are remembered; of more of them the nearest. */
const MOST_STRANGERS = 16;
/** Times that one stranger is asked. */
const MOST_TRIES = 4;
/** Failures of this device's own radio: nobody was asked. It is tried again so much later, in milliseconds. */
const NOT_ASKED: readonly string[] = ['RadioServes', 'RadioDown', 'RadioLost', 'TooManyAttempts'];
const OWN_RADIO_AGAIN_MS = 1_000;
/** Connections for asking: everybody may say that his window is open. */
const READS_PER_SECOND = 1;
const READ_BURST = 8;

interface Stranger {
  readonly hint: string;
  readonly delays: Iterator<number, never>;
  neighbour: RadioNeighbour;
  tries: number;
  notBeforeMs: number;
}

export interface IdReaderOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  /** Connects and reads the characteristic *entity id*. @throws CpnsError */
  read(address: string, signal: AbortSignal): Promise<string>;
  /** Somebody said who he is. */
  found(id: EntityId, neighbour: RadioNeighbour): void;
}

/**
 * Asks strangers whose pairing window is open who they are (protocol 0.26), one after the other, as long as this device's own window is
 * open. What they say is a hint; the pairing shows whether it is true.
 */
export class IdReader {
  readonly #options: IdReaderOptions;
  readonly #strangers = new Map<string, Stranger>();
  readonly #reads: TokenBucket;
  #reading: string | undefined;
  #session = new AbortController();
  #cancelTimer = () => {};

  constructor(options: IdReaderOptions) {
    this.#options = options;
    this.#reads = new TokenBucket(options.clock, READS_PER_SECOND, READ_BURST);
  }

  /** A stranger whose window is open was heard, maybe again. */
  heard(neighbour: RadioNeighbour): void {
    const hint = toHex(neighbour.advertisement.hint);
    const known = this.#strangers.get(hint);
    if (known !== undefined) known.neighbour = neighbour;
    else if (this.#hasRoomFor(neighbour)) {
      const delays = retrySchedule(this.#options.entropy, { firstMs: 500, maxMs: 8_000 });
      this.#strangers.set(hint, { hint, delays, neighbour, tries: 0, notBeforeMs: 0 });
    }
    this.#next();
  }

  /** Nobody is asked any more; the read under way is given up. */
  stop(): void {
    this.#cancelTimer();
    this.#strangers.clear();
    this.#reading = undefined;
    this.#session.abort(new CpnsError('State', 'PairingOver', 'The pairing window closed.'));
    this.#session = new AbortController();
  }

  #hasRoomFor({ rssi }: RadioNeighbour): boolean {
    if (this.#strangers.size < MOST_STRANGERS) return true;
    const [farthest] = [...this.#strangers.values()]
      .filter(({ hint }) => hint !== this.#reading)
      .sort(byDistance)
      .reverse();
    if (farthest === undefined || farthest.neighbour.rssi >= rssi) return false;
    return this.#strangers.delete(farthest.hint);
  }

  #next(): void {
    if (this.#reading !== undefined) return;
    this.#cancelTimer();
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    const waiting = [...this.#strangers.values()].filter(({ tries }) => tries < MOST_TRIES);
    const [due] = waiting.filter(({ notBeforeMs }) => notBeforeMs <= nowMs).sort((a, b) => a.tries - b.tries || byDistance(a, b));
    if (due !== undefined && this.#reads.take()) return void this.#ask(due, this.#session.signal);
    const earliestMs = due === undefined ? Math.min(...waiting.map(({ notBeforeMs }) => notBeforeMs)) : nowMs + 1_000 / READS_PER_SECOND;
    if (waiting.length > 0) this.#cancelTimer = clock.after(earliestMs - nowMs, () => this.#next());
  }

  async #ask(stranger: Stranger, signal: AbortSignal): Promise<void> {
    const { logger, read, found } = this.#options;
    const { address } = stranger.neighbour;
    this.#reading = stranger.hint;
    stranger.tries++;
    try {
      const text = await read(address, signal);
      if (signal.aborted) return;
      if (isEntityId(text)) {
        stranger.tries = MOST_TRIES;
        found(text, stranger.neighbour);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (NOT_ASKED.includes(toCpnsError(error).code)) {
        stranger.tries--;
        return this.#asked(stranger, OWN_RADIO_AGAIN_MS);
      }
      logger.info('a device did not say who it is', { address, why: describeError(error) });
    }
    this.#asked(stranger, stranger.delays.next().value);
  }

  #asked(stranger: Stranger, againMs: number): void {
    stranger.notBeforeMs = this.#options.clock.monotonicMs() + againMs;
    this.#reading = undefined;
    this.#next();
  }
}

function byDistance(a: Stranger, b: Stranger): number {
  return b.neighbour.rssi - a.neighbour.rssi;
}
