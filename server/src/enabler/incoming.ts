import type { EntityId } from '@cpns/shared';
import { type AnyMessage, type BodyOf, type Envelope, encodeEnvelope, pending, Status } from '@cpns/shared/messages';
import type { Tx } from '../inventory/database.js';
import type { RequestKey } from '../inventory/inbox.js';
import type { RecordPlace } from '../inventory/records.js';
import type { EnablerContext } from './context.js';
import { refuse } from './refusals.js';
import type { Session } from './session.js';

/** A request that waits for somebody else is answered `pending` this often, well inside the timer of its sender. */
const PENDING_EVERY_MS = 2_000;

/** An answer before it is encoded. */
export interface Answer {
  readonly type: AnyMessage;
  readonly body: unknown;
}

/** A typed {@link Answer}. */
export function answer<M extends AnyMessage>(type: M, body: BodyOf<M>): Answer {
  return { type, body };
}

/** The record was here before, or its session has ended meanwhile: it is dropped without a word (security 1.6b). */
export class RecordDropped extends Error {}

export interface IncomingOptions {
  readonly envelope: Envelope;
  /** Authenticated: by the session, or in clear by the connection. */
  readonly sender: EntityId;
  /** Whose connection brought it. */
  readonly topic: EntityId;
  /** Undefined: it came in clear. */
  readonly session: Session | undefined;
  /** Place of the record it came in; undefined in clear. */
  readonly place: RecordPlace | undefined;
  readonly key: RequestKey;
  readonly digest: Uint8Array;
}

/**
 * One message of an authenticated device, and the three ways to deal with it: {@link answer} changes nothing, {@link change} changes
 * something that may be asked for twice, {@link conclude} does what must happen once and keeps its answer.
 */
export class Incoming<Body> {
  readonly envelope: Envelope;
  readonly sender: EntityId;
  readonly topic: EntityId;
  readonly session: Session | undefined;
  readonly key: RequestKey;
  readonly #context: EnablerContext;
  readonly #options: IncomingOptions;
  #startWaiting = () => {};
  /** Resolves when it turns out that somebody elsewhere has to be waited for. */
  readonly waits = new Promise<void>((resolve) => {
    this.#startWaiting = resolve;
  });

  constructor(
    context: EnablerContext,
    options: IncomingOptions,
    readonly body: Body,
  ) {
    this.envelope = options.envelope;
    this.sender = options.sender;
    this.topic = options.topic;
    this.session = options.session;
    this.key = options.key;
    this.#context = context;
    this.#options = options;
  }

  /** Its session is there still: what comes of it can be kept. */
  get isWanted(): boolean {
    const { session } = this.#options;
    return session === undefined || this.#context.sessions.find(session.sid) === session;
  }

  /** Answers from what is there. */
  async answer<M extends AnyMessage>(type: M, body: BodyOf<M>): Promise<void> {
    this.send(encodeEnvelope(type, this.envelope.transaction, '', body));
  }

  /**
   * One transaction: the record is admitted, its session is there and its sender active, and `work` is done. Resolves with its result
   * when that is durable.
   * @throws RecordDropped, CpnsError Auth/Revoked, what `work` throws, State/DiskFull and its like: then nothing of it was kept
   */
  change<T>(work: (tx: Tx) => T): Promise<T> {
    return this.#context.inventory.transact((tx) => {
      this.admit(tx);
      return work(tx);
    });
  }

  /** What {@link change} looks at first, within a transaction for several requests. @throws RecordDropped, CpnsError Auth/Revoked */
  admit(tx: Tx): void {
    const { place } = this.#options;
    if (!this.isWanted) throw new RecordDropped();
    if (place !== undefined && !tx.records.admit(place)) throw new RecordDropped();
    if (tx.devices.find(this.sender)?.state !== 'active') throw refuse(Status.AuthFailed, 'Revoked', `${this.sender} was revoked.`);
  }

  /**
   * {@link change} with the request and the answer that `work` returns filed in the same transaction; the answer leaves when that is
   * durable. `randPnes` are spent with it.
   * @throws as {@link change}; CpnsError State/RandSeen
   */
  async conclude(work: (tx: Tx) => Answer, randPnes: readonly Uint8Array[] = []): Promise<void> {
    this.send(await this.change((tx) => this.file(tx, work(tx), randPnes)));
  }

  /** Files the answer, within a transaction; it may be {@link send}t once that is durable. @throws CpnsError State/RandSeen */
  file(tx: Tx, { type, body }: Answer, randPnes: readonly Uint8Array[] = []): Uint8Array {
    const { key, digest } = this.#options;
    const encoded = encodeEnvelope(type, this.envelope.transaction, '', body);
    tx.inbox.file({ key, digest, answer: encoded, randPnes });
    return encoded;
  }

  /** Tells the asker `pending` until `work` is done, so that it goes on waiting. */
  async pendingWhile<T>(work: Promise<T>): Promise<T> {
    this.#startWaiting();
    let cancel = () => {};
    const stillBusy = () => {
      void this.answer(pending, { retryAfterMs: PENDING_EVERY_MS });
      cancel = this.#context.clock.after(PENDING_EVERY_MS, stillBusy);
    };
    stillBusy();
    try {
      return await work;
    } finally {
      cancel();
    }
  }

  /** Sends an encoded answer back on the way on which the message came. */
  send(octets: Uint8Array): void {
    const { downlink } = this.#context;
    void (this.session === undefined ? downlink.clear(this.sender, octets) : downlink.send(this.session, octets));
  }
}
