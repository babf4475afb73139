import { type Clock, describeError, type EntityId, type Entropy, type Logger, retrySchedule } from '@cpns/shared';
import {
  ack,
  bodyOf,
  data,
  dataAnswer,
  decodeEnvelope,
  type Envelope,
  isPassing,
  MAX_UPLINK_ENVELOPE,
  refusal,
  Status,
  statusName,
  statusSentence,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Database } from '../inventory/database.js';
import type { OutboxMessage } from '../inventory/outbox.js';
import type { Downlink } from './downlink.js';
import type { Session } from './session.js';
import type { SessionKeys } from './session-keys.js';

/** Messages to one device that are under way at once. */
const WINDOW = 32;
/** An answer is waited for at least so long before a repetition, and then with back-off up to a bound (protocol 0.3). */
const FIRST_WAIT_MS = 1_000;
const RETRY = { firstMs: 1_000, maxMs: 30_000 } as const;
const EXPIRY_CHECK_MS = 60_000;

export interface OutboxDeliveryOptions {
  readonly inventory: Database;
  readonly sessions: SessionKeys;
  readonly downlink: Downlink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
}

/** Messages to one device that were sent and not answered. */
interface Lane {
  readonly underWay: Set<number>;
  readonly delays: Generator<number, never>;
  cancelTimer: () => void;
}

/** The device's answer; or the message waits on; or it is gone, since the device was revoked. */
export type MessageOutcome = Status | 'waiting' | 'gone';

interface Waiting {
  readonly to: EntityId;
  readonly end: (outcome: MessageOutcome) => void;
}

/**
 * Delivers the outbox: every message is sealed afresh for the session of the moment and repeated until the device has answered that it
 * stored it; nothing else counts as delivery (protocol 0.23). What has no way now goes when a session is confirmed.
 */
export class OutboxDelivery {
  readonly #options: OutboxDeliveryOptions;
  readonly #lanes = new Map<EntityId, Lane>();
  readonly #waiting = new Map<string, Waiting>();
  #cancelExpiry = () => {};

  constructor(options: OutboxDeliveryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#cancelExpiry = this.#options.clock.after(EXPIRY_CHECK_MS, () => {
      void this.#expire();
      this.start();
    });
  }

  stop(): void {
    this.#cancelExpiry();
    for (const lane of this.#lanes.values()) lane.cancelTimer();
    this.#lanes.clear();
    for (const { end } of [...this.#waiting.values()]) end('waiting');
  }

  /** The device was revoked, and what waited for it is deleted. */
  forget(entityId: EntityId): void {
    this.#close(entityId);
    for (const { to, end } of [...this.#waiting.values()]) if (to === entityId) end('gone');
  }

  /** Sends what waits for that device, has a way and is not under way. */
  flush(entityId: EntityId): void {
    const { sessions, clock, entropy } = this.#options;
    if (sessions.currentOf(entityId).length === 0) return;
    const known = this.#lanes.get(entityId);
    const lane: Lane = known ?? { underWay: new Set(), delays: retrySchedule(entropy, RETRY), cancelTimer: () => {} };
    this.#fill(entityId, lane);
    if (lane.underWay.size === 0 || known !== undefined) return;
    this.#lanes.set(entityId, lane);
    const repeat = () => {
      lane.cancelTimer = clock.after(FIRST_WAIT_MS + lane.delays.next().value, () => {
        try {
          this.#repeat(entityId, lane);
        } catch (error) {
          this.#options.logger.error('messages could not be sent again', { to: entityId, why: describeError(error) });
        }
        if (this.#lanes.get(entityId) === lane) repeat();
      });
    };
    repeat();
  }

  /** What has no way now does not hold up what has one. */
  #fill(entityId: EntityId, lane: Lane): void {
    const { inventory, downlink } = this.#options;
    for (let after = 0; lane.underWay.size < WINDOW; ) {
      const waiting = inventory.reads.outbox.waiting(entityId, WINDOW, after);
      for (const message of waiting) {
        after = message.id;
        if (lane.underWay.size === WINDOW) return;
        const session = lane.underWay.has(message.id) ? undefined : this.#route(message);
        if (session === undefined) continue;
        lane.underWay.add(message.id);
        void downlink.send(session, message.octets, message.number !== data.number);
      }
      if (waiting.length < WINDOW) return;
    }
  }

  /** A new session: what is under way in the old one goes again. */
  resend(entityId: EntityId): void {
    this.#close(entityId);
    this.flush(entityId);
  }

  /** The device answered one of the messages, or something that does not wait here. */
  async answered(session: Session, envelope: Envelope): Promise<void> {
    const { inventory, logger } = this.#options;
    const message = inventory.reads.outbox.find(session.entityId, envelope.transaction);
    if (message === undefined) return;
    const status = answerStatus(message, envelope);
    if (status === undefined) return;
    if (isPassing(status)) return logger.info('a device could not take a message yet', { to: message.to, status: statusName(status) });
    if (status !== Status.Success)
      logger.notice('a device refused a message', { to: message.to, message: message.number, status: statusName(status) });
    await inventory.transact((tx) => {
      if (!tx.outbox.remove(message.id) || status === Status.Success || message.number !== data.number) return;
      const text = `${message.to} refused the message ${messageIdOf(message)}: ${statusSentence(status)}.`;
      tx.events.add({ event: 'message-refused', text, entityId: message.to });
    });
    this.#waiting.get(toHex(message.transaction))?.end(status);
    const lane = this.#lanes.get(message.to);
    lane?.underWay.delete(message.id);
    if (lane?.underWay.size === 0) this.#close(message.to);
    this.flush(message.to);
  }

  /** What became of that message within `waitMs`. */
  wait(to: EntityId, transaction: Uint8Array, waitMs: number): Promise<MessageOutcome> {
    const name = toHex(transaction);
    return new Promise((resolve) => {
      const end = (outcome: MessageOutcome) => {
        cancelTimer();
        this.#waiting.delete(name);
        resolve(outcome);
      };
      const cancelTimer = this.#options.clock.after(waitMs, () => end('waiting'));
      this.#waiting.set(name, { to, end });
    });
  }

  /** Application data goes in any session of the device, everything else in that of its PN. */
  #route(message: OutboxMessage): Session | undefined {
    const { sessions, downlink, inventory } = this.#options;
    const { to, pnId } = message;
    const candidates: (Session | undefined)[] = [];
    if (pnId === undefined) candidates.push(sessions.current(to, ''), ...(message.number === data.number ? sessions.currentOf(to) : []));
    else candidates.push(sessions.current(to, pnId));
    if (pnId !== undefined && inventory.reads.pns.find(pnId)?.gateway === to) candidates.push(sessions.current(to, ''));
    return candidates.find((session) => session !== undefined && !session.leaving && downlink.reaches(session));
  }

  #repeat(entityId: EntityId, lane: Lane): void {
    lane.underWay.clear();
    this.flush(entityId);
    if (lane.underWay.size === 0) this.#close(entityId);
  }

  #close(entityId: EntityId): void {
    this.#lanes.get(entityId)?.cancelTimer();
    this.#lanes.delete(entityId);
  }

  async #expire(): Promise<void> {
    const { inventory, logger } = this.#options;
    try {
      for (let old = inventory.reads.outbox.expired(); old.length > 0; old = inventory.reads.outbox.expired()) {
        const expired = old;
        await inventory.transact((tx) => {
          for (const message of expired) {
            if (!tx.outbox.remove(message.id) || message.number !== data.number) continue;
            const text = `The message ${messageIdOf(message)} to ${message.to} was not delivered in time and was given up.`;
            tx.events.add({ event: 'message-expired', text, entityId: message.to });
          }
        });
      }
    } catch (error) {
      logger.error('expired messages could not be removed', { why: describeError(error) });
    }
  }
}

/** The id that the operator was told when it was sent. */
function messageIdOf({ octets }: OutboxMessage): string {
  return toHex(bodyOf(decodeEnvelope(octets, MAX_UPLINK_ENVELOPE), data).data.id);
}

/** What an answer says of the message; undefined when it is no answer to such a message. */
function answerStatus(message: OutboxMessage, envelope: Envelope): Status | undefined {
  switch (envelope.number) {
    case dataAnswer.number:
      return message.number === data.number ? bodyOf(envelope, dataAnswer).receipt.status : undefined;
    case ack.number:
      return message.number === data.number ? undefined : bodyOf(envelope, ack).status;
    case refusal.number:
      return bodyOf(envelope, refusal).status;
    default:
      return undefined;
  }
}
