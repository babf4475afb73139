import type { Clock, Entropy } from '@cpns/shared';
import { type AnyMessage, type BodyOf, type Envelope, encodeEnvelope, requestWithdrawn } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { type Downlink, TRANSACTION_OCTETS } from './downlink.js';
import type { Session } from './session.js';
import type { SessionKeys } from './session-keys.js';

/** A question that was not answered is sent again after so long: the way down may lose it. */
const REPEAT_MS = 5_000;

/** What came of a question. */
export type Replied =
  | { readonly kind: 'answered'; readonly envelope: Envelope }
  /** The time is over. */
  | { readonly kind: 'silent' }
  /** The device, or its session, is not there any more. */
  | { readonly kind: 'lost' };

export interface QuestionsOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly sessions: SessionKeys;
  readonly downlink: Downlink;
}

interface OpenQuestion {
  readonly session: Session;
  end(replied: Replied): void;
}

/**
 * Requests of this server whose answers somebody waits for here and now. They live in memory: whoever waits does not outlive a restart
 * either. What a device must learn however long that takes goes into the outbox instead.
 */
export class Questions {
  readonly #options: QuestionsOptions;
  readonly #open = new Map<string, OpenQuestion>();

  constructor(options: QuestionsOptions) {
    this.#options = options;
  }

  /**
   * Asks in one session, again and again until there is an answer or `limitMs` is over. With `isWanted` a person is asked: once it says
   * no, or nobody waits for another reason, the question is withdrawn.
   */
  ask<M extends AnyMessage>(session: Session, type: M, body: BodyOf<M>, limitMs: number, isWanted?: () => boolean): Promise<Replied> {
    const { clock, entropy, sessions, downlink } = this.#options;
    const transaction = entropy.bytes(TRANSACTION_OCTETS);
    const octets = encodeEnvelope(type, transaction, '', body);
    const key = toHex(transaction);
    return new Promise((resolve) => {
      let cancelRepeat = () => {};
      const cancelLimit = clock.after(limitMs, () => end({ kind: 'silent' }));
      const end = (replied: Replied) => {
        cancelRepeat();
        cancelLimit();
        this.#open.delete(key);
        if (isWanted !== undefined && replied.kind !== 'answered' && isThere())
          void downlink.send(session, encodeEnvelope(requestWithdrawn, transaction, '', {}));
        resolve(replied);
      };
      const isThere = () => sessions.find(session.sid) === session && downlink.reaches(session);
      const send = () => {
        if (!isThere() || isWanted?.() === false) return end({ kind: 'lost' });
        cancelRepeat = clock.after(REPEAT_MS, send);
        void downlink.send(session, octets);
      };
      this.#open.set(key, { session, end });
      send();
    });
  }

  /** Takes an answer, or a refusal, of a device. False: it answers none of these questions. */
  answered(session: Session, envelope: Envelope): boolean {
    const open = this.#open.get(toHex(envelope.transaction));
    if (open?.session !== session) return false;
    open.end({ kind: 'answered', envelope });
    return true;
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const { end } of [...this.#open.values()]) end({ kind: 'lost' });
  }
}
