import { CpnsError, toCpnsError } from './errors.js';
import type { EntityId } from './ids.js';
import { bodyOf, type Envelope, encodeEnvelope } from './messages/frame.js';
import { ack, pending, refusal } from './messages/link.js';
import type { AnyMessage, BodyOf } from './messages/message-type.js';
import { isPassing, Status, statusSentence } from './messages/status.js';
import type { Clock, Entropy } from './ports.js';
import { abortReason, retrySchedule } from './time.js';

/** Answers kept for requests that come again, per exchange. */
const KEPT_ANSWERS = 64;
/** Requests of the other side that are worked on at once; one more is refused. */
const MAX_SERVED_AT_ONCE = 16;
/** A request that a person or another hop delays is answered `pending` this often, well inside every hop's timer. */
const PENDING_EVERY_MS = 2_000;
/** Longer than the longest flow: then a request is over, however often the other side said `pending`. */
export const LONGEST_REQUEST_MS = 180_000;

/** An answer with its type told apart: `answer.type === link2`. `sender` is what the envelope says. */
export type AnswerOf<M extends AnyMessage, Via> = M extends AnyMessage
  ? { readonly type: M; readonly body: BodyOf<M>; readonly via: Via; readonly sender: EntityId | '' }
  : never;

/** How long and how stubbornly a request waits. */
export interface RequestOptions {
  /** From the last sign of life of the answerer; `pending` starts it anew, up to {@link LONGEST_REQUEST_MS} in all. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Send it again while waiting, after 1, 2, 4 .. 30 s with full jitter: for ways that may lose messages. */
  readonly repeat?: boolean;
  /** Use this transaction id, so that a repetition after a restart is known as one. */
  readonly transaction?: Uint8Array | undefined;
}

/** What an {@link Exchange} needs of its surroundings. `Via` tells ways apart (in clear, in which session). */
export interface ExchangeOptions<Via> {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Sender of every envelope; the server's is empty. */
  readonly self: EntityId | '';
  /** May throw: then a request fails with that error, and an answer is lost like on the way. */
  transmit(envelope: Uint8Array, via: Via, type: AnyMessage): void;
}

interface Waiting<Via> {
  readonly accepts: readonly AnyMessage[];
  readonly resolve: (answer: { type: AnyMessage; body: unknown; via: Via; sender: EntityId | '' }) => void;
  readonly reject: (error: CpnsError) => void;
  readonly restart: () => void;
}

interface Served<Via> {
  readonly request: Uint8Array;
  /** Fires when nobody waits for the answer any more. */
  readonly unwanted: AbortController;
  answer?: { readonly envelope: Uint8Array; readonly via: Via; readonly type: AnyMessage };
}

/** The error that a refusing peer's status becomes. */
export function refused(status: number, what: string, retryAfterMs?: number): CpnsError {
  const family =
    status === Status.AuthFailed || status === Status.NotAuthorized || status === Status.Rejected
      ? 'Auth'
      : status === Status.Timeout
        ? 'Timeout'
        : 'State';
  return new CpnsError(family, 'Refused', `${what} was refused: ${statusSentence(status)}.`, {
    status,
    retryable: isPassing(status),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

const octetsKey = (octets: Uint8Array): string => {
  let key = '';
  for (const octet of octets) key += String.fromCharCode(octet);
  return key;
};

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((octet, i) => octet === b[i]);

/**
 * Requests and answers over one conversation with one party. Every request is a transaction: it carries 16 random octets, has a
 * deadline, and a repetition of it is answered with the stored answer instead of being done again (protocol 0.3).
 */
export class Exchange<Via> {
  readonly #options: ExchangeOptions<Via>;
  readonly #waiting = new Map<string, Waiting<Via>>();
  readonly #served = new Map<string, Served<Via>>();
  /** Stops the `pending` of each request that is being worked on. */
  readonly #busy = new Map<Served<Via>, () => void>();
  #closed: CpnsError | undefined;

  constructor(options: ExchangeOptions<Via>) {
    this.#options = options;
  }

  /** No request is under way, in either direction. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#busy.size === 0;
  }

  /**
   * Sends `body` and waits for one of `accepts`. `answered` is called with the answer at once, before anything that came behind it is
   * looked at: for an answer that changes how the next frame is to be read. What it throws becomes the outcome.
   * @throws CpnsError State/Refused with the status of a refusal, Timeout/NoAnswer, the signal's reason, or what closed the exchange
   */
  request<M extends AnyMessage, A extends AnyMessage>(
    type: M,
    body: BodyOf<M>,
    accepts: readonly A[],
    via: Via,
    options: RequestOptions,
    answered: (answer: AnswerOf<A, Via>) => void = () => {},
  ): Promise<AnswerOf<A, Via>> {
    const { clock, entropy, self } = this.#options;
    const { signal } = options;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    const transaction = options.transaction ?? entropy.bytes(16);
    const key = octetsKey(transaction);
    return new Promise((resolve, reject) => {
      const envelope = encodeEnvelope(type, transaction, type.anonymous ? '' : self, body);
      let cancelTimer = () => {};
      let cancelRepeat = () => {};
      let cancelLimit = () => {};
      const end = () => {
        cancelTimer();
        cancelRepeat();
        cancelLimit();
        signal?.removeEventListener('abort', aborted);
        this.#waiting.delete(key);
      };
      const fail = (error: CpnsError) => {
        end();
        reject(error);
      };
      const aborted = () => fail(abortReason(signal as AbortSignal));
      const late = () =>
        fail(
          new CpnsError('Timeout', 'NoAnswer', `No answer to ${type.name}: the other side may be off or out of reach; try again.`, {
            status: Status.Timeout,
          }),
        );
      const send = () => {
        try {
          this.#options.transmit(envelope, via, type);
        } catch (error) {
          fail(toCpnsError(error));
        }
      };
      const repeat = (delays: Iterator<number, never>) => {
        cancelRepeat = clock.after(1_000 + delays.next().value, () => {
          repeat(delays);
          send();
        });
      };
      this.#waiting.set(key, {
        accepts,
        reject: fail,
        restart: () => {
          cancelTimer();
          cancelTimer = clock.after(options.timeoutMs, late);
        },
        resolve: (answer) => {
          end();
          try {
            answered(answer as AnswerOf<A, Via>);
            resolve(answer as AnswerOf<A, Via>);
          } catch (error) {
            reject(error);
          }
        },
      });
      signal?.addEventListener('abort', aborted, { once: true });
      cancelTimer = clock.after(options.timeoutMs, late);
      cancelLimit = clock.after(LONGEST_REQUEST_MS, late);
      if (options.repeat) repeat(retrySchedule(entropy, { firstMs: 1_000, maxMs: 30_000 }));
      send();
    });
  }

  /** Sends without waiting for anything; `transaction` ties it to a request. @throws what `transmit` throws */
  notify<M extends AnyMessage>(type: M, body: BodyOf<M>, via: Via, transaction?: Uint8Array): void {
    const { entropy, self } = this.#options;
    this.#options.transmit(encodeEnvelope(type, transaction ?? entropy.bytes(16), type.anonymous ? '' : self, body), via, type);
  }

  /** Is this envelope the answer to a request under way? Then it is consumed. */
  settle(envelope: Envelope, via: Via): boolean {
    const waiting = this.#waiting.get(octetsKey(envelope.transaction));
    if (waiting === undefined || envelope.type === undefined || envelope.type.kind === 'request') return false;
    if (envelope.number === pending.number) {
      waiting.restart();
      return true;
    }
    try {
      if (envelope.number === refusal.number) {
        const { status, retryAfterMs } = bodyOf(envelope, refusal);
        waiting.reject(refused(status, 'The request', retryAfterMs));
        return true;
      }
      const type = waiting.accepts.find((candidate) => candidate.number === envelope.number);
      if (type === undefined) return false;
      waiting.resolve({ type, body: bodyOf(envelope, type), via, sender: envelope.sender });
    } catch (error) {
      waiting.reject(
        error instanceof CpnsError ? error : new CpnsError('Codec', 'BadMessage', 'An answer could not be read.', { cause: error }),
      );
    }
    return true;
  }

  /**
   * Serves one request: runs `handle` once, however often the request comes, and sends what it returns. While it takes long, the
   * requester is told `pending`. An error becomes a refusal with its status; one that may pass is not kept, so that a repetition is
   * tried anew. `signal` fires when the requester has withdrawn it, or cannot be answered any more.
   * @throws what `handle` throws, after the refusal was sent
   */
  async serve(envelope: Envelope, via: Via, handle: (signal: AbortSignal) => Promise<Reply<Via>>): Promise<void> {
    const key = octetsKey(envelope.transaction);
    const earlier = this.#served.get(key);
    if (earlier !== undefined) {
      if (!same(earlier.request, envelope.octets)) return this.#answer(envelope, via, refusal, { status: Status.BadMessage });
      if (earlier.answer !== undefined) return this.#send(earlier.answer);
      return this.#answer(envelope, via, pending, { retryAfterMs: PENDING_EVERY_MS });
    }
    if (this.#busy.size >= MAX_SERVED_AT_ONCE) {
      return this.#answer(envelope, via, refusal, { status: Status.Busy, retryAfterMs: PENDING_EVERY_MS });
    }
    const served: Served<Via> = { request: envelope.octets, unwanted: new AbortController() };
    this.#served.set(key, served);
    let cancel = () => {};
    const stopPending = () => cancel();
    const stillBusy = () => {
      cancel = this.#options.clock.after(PENDING_EVERY_MS, () => {
        stillBusy();
        this.#answer(envelope, via, pending, { retryAfterMs: PENDING_EVERY_MS });
      });
    };
    if (this.#closed === undefined) stillBusy();
    this.#busy.set(served, stopPending);
    try {
      const reply = await handle(served.unwanted.signal);
      const octets = encodeEnvelope(reply.type, envelope.transaction, this.#options.self, reply.body);
      served.answer = { envelope: octets, via: reply.via ?? via, type: reply.type };
    } catch (error) {
      const status = statusOf(error);
      const octets = encodeEnvelope(refusal, envelope.transaction, this.#options.self, { status });
      served.answer = { envelope: octets, via, type: refusal };
      if (isPassing(status)) this.#served.delete(key);
      throw error;
    } finally {
      cancel();
      this.#busy.delete(served);
      if (served.answer !== undefined) this.#send(served.answer);
      this.#forgetOldest();
    }
  }

  /** The requester does not wait any more for the answer to that request. */
  withdraw(transaction: Uint8Array): void {
    this.#served.get(octetsKey(transaction))?.unwanted.abort();
  }

  /** Ends every wait with `reason`; nothing can be requested any more. What is being worked on for the other side goes on in silence. */
  close(reason: CpnsError): void {
    this.#closed = reason;
    for (const waiting of [...this.#waiting.values()]) waiting.reject(reason);
    for (const [{ unwanted }, stopPending] of this.#busy) {
      stopPending();
      unwanted.abort();
    }
  }

  #forgetOldest(): void {
    for (const [key, { answer }] of this.#served) {
      if (this.#served.size <= KEPT_ANSWERS) return;
      if (answer !== undefined) this.#served.delete(key);
    }
  }

  #answer<M extends AnyMessage>(request: Envelope, via: Via, type: M, body: BodyOf<M>): void {
    this.#send({ envelope: encodeEnvelope(type, request.transaction, this.#options.self, body), via, type });
  }

  /** An answer that cannot leave is lost like one on the way: the requester asks again. */
  #send({ envelope, via, type }: NonNullable<Served<Via>['answer']>): void {
    if (this.#closed !== undefined) return;
    try {
      this.#options.transmit(envelope, via, type);
    } catch {
      // The session is over; whoever still wants the answer comes back in another one.
    }
  }
}

/** What a handler answers with. `via`: another way than the request came. */
export interface Reply<Via> {
  readonly type: AnyMessage;
  readonly body: unknown;
  readonly via?: Via;
}

/** A typed {@link Reply}. */
export function reply<M extends AnyMessage, Via = never>(type: M, body: BodyOf<M>, via?: Via): Reply<Via> {
  return via === undefined ? { type, body } : { type, body, via };
}

/** The reply that says: done, and stored. */
export const acknowledged: Reply<never> = { type: ack, body: { status: Status.Success } };

/** The one coarse status that a peer is told of an error. */
function statusOf(error: unknown): Status {
  if (!(error instanceof CpnsError)) return Status.ServerError;
  if (error.status !== undefined) return error.status as Status;
  switch (error.family) {
    case 'Codec':
      return Status.BadMessage;
    case 'Auth':
      return Status.AuthFailed;
    case 'Timeout':
      return Status.Timeout;
    case 'Transport':
      return Status.PeerUnreachable;
    default:
      return Status.ServerError;
  }
}
