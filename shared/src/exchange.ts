import { CpnsError } from './errors.js';
import type { EntityId } from './ids.js';
import { bodyOf, type Envelope, encodeEnvelope } from './messages/frame.js';
import { ack, pending, refusal } from './messages/link.js';
import type { AnyMessage, BodyOf } from './messages/message-type.js';
import { Status, statusSentence } from './messages/status.js';
import type { Clock, Entropy } from './ports.js';
import { abortReason, retrySchedule } from './time.js';

/** Answers kept for requests that come again, per exchange. */
const KEPT_ANSWERS = 64;
/** A request that a person or another hop delays is answered `pending` this often, well inside every hop's timer. */
const PENDING_EVERY_MS = 2_000;

/** An answer with its type told apart: `answer.type === link2`. `sender` is what the envelope says. */
export type AnswerOf<M extends AnyMessage, Via> = M extends AnyMessage
  ? { readonly type: M; readonly body: BodyOf<M>; readonly via: Via; readonly sender: EntityId | '' }
  : never;

/** How long and how stubbornly a request waits. */
export interface RequestOptions {
  /** From the last sign of life of the answerer; `pending` starts it anew. */
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
    retryable: status === Status.Busy || status === Status.Timeout || status === Status.PeerUnreachable,
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

const hexKey = (octets: Uint8Array): string => {
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
  #closed: CpnsError | undefined;

  constructor(options: ExchangeOptions<Via>) {
    this.#options = options;
  }

  /**
   * Sends `body` and waits for one of `accepts`.
   * @throws CpnsError State/Refused with the status of a refusal, Timeout/NoAnswer, the signal's reason, or what closed the exchange
   */
  request<M extends AnyMessage, A extends AnyMessage>(
    type: M,
    body: BodyOf<M>,
    accepts: readonly A[],
    via: Via,
    options: RequestOptions,
  ): Promise<AnswerOf<A, Via>> {
    const { clock, entropy, self } = this.#options;
    const { signal } = options;
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (signal?.aborted) return Promise.reject(abortReason(signal));
    const transaction = options.transaction ?? entropy.bytes(16);
    const envelope = encodeEnvelope(type, transaction, self, body);
    const key = hexKey(transaction);
    return new Promise((resolve, reject) => {
      let cancelTimer = () => {};
      let cancelRepeat = () => {};
      const end = () => {
        cancelTimer();
        cancelRepeat();
        signal?.removeEventListener('abort', aborted);
        this.#waiting.delete(key);
      };
      const fail = (error: CpnsError) => {
        end();
        reject(error);
      };
      const aborted = () => fail(abortReason(signal as AbortSignal));
      const restart = () => {
        cancelTimer();
        cancelTimer = clock.after(options.timeoutMs, () =>
          fail(
            new CpnsError('Timeout', 'NoAnswer', `No answer to ${type.name}: the other side may be off or out of reach; try again.`, {
              status: Status.Timeout,
            }),
          ),
        );
      };
      this.#waiting.set(key, {
        accepts,
        restart,
        reject: fail,
        resolve: (answer) => {
          end();
          resolve(answer as AnswerOf<A, Via>);
        },
      });
      signal?.addEventListener('abort', aborted, { once: true });
      restart();
      if (options.repeat) {
        const delays = retrySchedule(entropy, { firstMs: 1_000, maxMs: 30_000 });
        const again = () => {
          cancelRepeat = clock.after(1_000 + delays.next().value, () => {
            this.#options.transmit(envelope, via, type);
            again();
          });
        };
        again();
      }
      this.#options.transmit(envelope, via, type);
    });
  }

  /** Sends without waiting for anything; `transaction` ties it to a request. */
  notify<M extends AnyMessage>(type: M, body: BodyOf<M>, via: Via, transaction?: Uint8Array): void {
    const { entropy, self } = this.#options;
    this.#options.transmit(encodeEnvelope(type, transaction ?? entropy.bytes(16), self, body), via, type);
  }

  /** Is this envelope the answer to a request under way? Then it is consumed. */
  settle(envelope: Envelope, via: Via): boolean {
    const waiting = this.#waiting.get(hexKey(envelope.transaction));
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
   * requester is told `pending`. An error becomes a refusal with its status. `handle` returns undefined when no answer is due.
   */
  async serve(envelope: Envelope, via: Via, handle: () => Promise<Reply<Via> | undefined>): Promise<void> {
    const key = hexKey(envelope.transaction);
    const earlier = this.#served.get(key);
    if (earlier !== undefined) {
      if (!same(earlier.request, envelope.octets)) return this.#send(envelope, via, refusal, { status: Status.BadMessage });
      if (earlier.answer !== undefined) this.#options.transmit(earlier.answer.envelope, earlier.answer.via, earlier.answer.type);
      else this.#send(envelope, via, pending, { retryAfterMs: PENDING_EVERY_MS });
      return;
    }
    const served: Served<Via> = { request: envelope.octets };
    this.#served.set(key, served);
    for (const oldest of this.#served.keys()) {
      if (this.#served.size <= KEPT_ANSWERS) break;
      this.#served.delete(oldest);
    }
    let cancel = () => {};
    const stillBusy = () => {
      cancel = this.#options.clock.after(PENDING_EVERY_MS, () => {
        this.#send(envelope, via, pending, { retryAfterMs: PENDING_EVERY_MS });
        stillBusy();
      });
    };
    stillBusy();
    try {
      const reply = await handle();
      if (reply !== undefined) {
        const octets = encodeEnvelope(reply.type, envelope.transaction, this.#options.self, reply.body);
        served.answer = { envelope: octets, via: reply.via ?? via, type: reply.type };
        this.#options.transmit(octets, served.answer.via, reply.type);
      }
    } catch (error) {
      const status = error instanceof CpnsError ? (error.status ?? statusOfFamily(error)) : Status.ServerError;
      this.#send(envelope, via, refusal, { status: status as Status });
      throw error;
    } finally {
      cancel();
    }
  }

  /** Ends every wait with `reason`; nothing can be requested any more. */
  close(reason: CpnsError): void {
    this.#closed = reason;
    for (const waiting of [...this.#waiting.values()]) waiting.reject(reason);
  }

  #send<M extends AnyMessage>(request: Envelope, via: Via, type: M, body: BodyOf<M>): void {
    this.#options.transmit(encodeEnvelope(type, request.transaction, this.#options.self, body), via, type);
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

function statusOfFamily(error: CpnsError): Status {
  switch (error.family) {
    case 'Codec':
      return Status.BadMessage;
    case 'Auth':
      return Status.AuthFailed;
    case 'State':
      return Status.WrongState;
    case 'Timeout':
      return Status.Timeout;
    case 'Transport':
      return Status.PeerUnreachable;
    default:
      return Status.ServerError;
  }
}
