import type { Clock, EntityId, Entropy } from '@cpns/shared';
import { type BodyOf, MISSING_MAX, sgData, sgDataAnswer } from '@cpns/shared/messages';
import type { ServerChannel } from '../entity/server-channel.js';

type GroupMessage = Omit<BodyOf<typeof sgData>, 'missing'>;

/** Messages, and octets of them, that wait for the server at most. */
const WAITING_MAX = 256;
const WAITING_OCTETS_MAX = 1_048_576;
/** A link that was dead when messages were handed out on it is noticed within so long: a Bluetooth link after 15 s. */
const DOUBTFUL_MS = 20_000;
/** Messages that were handed out are remembered, the last so many. */
const REMEMBERED_MAX = 1_024;

/** What became of a message at the members here. */
export interface Delivered {
  /** Whoever was linked, beside the sender and this device. */
  readonly reached: readonly EntityId[];
  readonly missing: readonly EntityId[];
}

interface Handed extends Delivered {
  readonly transaction: Uint8Array;
  readonly atMs: number;
}

/** A message that waits for the server. */
interface Waiting extends Handed {
  readonly message: GroupMessage;
}

export interface GroupDeliveriesOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** The channel to the server, while it can be reached. */
  server(): ServerChannel | undefined;
}

/**
 * Tells the server who behind this PN GW has which group message, so that it keeps them for the others. A link that is gone without a
 * word takes with it what was handed out on it lately; the server hears of that afterwards. While the server cannot be reached, a number
 * of messages waits in memory: the members here have them already, the others get them when it is back.
 */
export class GroupDeliveries {
  readonly #options: GroupDeliveriesOptions;
  readonly #handed: Handed[] = [];
  #waiting: Waiting[] = [];
  #octets = 0;

  constructor(options: GroupDeliveriesOptions) {
    this.#options = options;
  }

  /** To the server, now or when it is back. False: too much waits already. */
  publish(message: GroupMessage, delivered: Delivered): boolean {
    if (this.publishNow(message, delivered)) return true;
    const octets = message.message.length;
    if (this.#waiting.length >= WAITING_MAX || this.#octets + octets > WAITING_OCTETS_MAX) return false;
    this.#waiting.push({ ...this.#stamped(delivered), message });
    this.#octets += octets;
    return true;
  }

  /** False: the server cannot be reached. */
  publishNow(message: GroupMessage, delivered: Delivered): boolean {
    return this.#send({ ...this.#stamped(delivered), message });
  }

  /** What became of a message of the server with that transaction. */
  answer(channel: ServerChannel, transaction: Uint8Array, delivered: Delivered): void {
    channel.notify(sgDataAnswer, { missing: cut(delivered.missing) }, transaction);
    this.#remember({ ...delivered, transaction, atMs: this.#options.clock.monotonicMs() });
  }

  /** The server is back. */
  flush(): void {
    if (this.#options.server() === undefined) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#octets = 0;
    for (const message of waiting) this.#send(message);
  }

  /** A link with that member is gone: what it was handed lately it may not have. */
  lost(member: EntityId): void {
    const sinceMs = this.#options.clock.monotonicMs() - DOUBTFUL_MS;
    const isDoubtful = ({ atMs, reached }: Handed) => atMs >= sinceMs && reached.includes(member);
    for (const { transaction } of this.#handed.filter(isDoubtful))
      this.#options.server()?.notify(sgDataAnswer, { missing: [member] }, transaction);
    this.#waiting = this.#waiting.map((one) => (isDoubtful(one) ? { ...one, missing: [...one.missing, member] } : one));
  }

  #stamped(delivered: Delivered): Handed {
    const { clock, entropy } = this.#options;
    return { ...delivered, transaction: entropy.bytes(16), atMs: clock.monotonicMs() };
  }

  #send({ message: { sgId, from, message }, ...handed }: Waiting): boolean {
    const server = this.#options.server();
    if (server === undefined) return false;
    const missing = cut(handed.missing);
    server.notify(sgData, { sgId, from, message, ...(missing.length > 0 && { missing }) }, handed.transaction);
    this.#remember(handed);
    return true;
  }

  #remember(handed: Handed): void {
    if (handed.reached.length === 0) return;
    if (this.#handed.length >= REMEMBERED_MAX) this.#handed.shift();
    this.#handed.push(handed);
  }
}

/** As many as one message names. */
function cut(missing: readonly EntityId[]): EntityId[] {
  return missing.slice(0, MISSING_MAX);
}
