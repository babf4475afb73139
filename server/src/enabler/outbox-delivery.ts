import { type Clock, describeError, type EntityId, type Entropy, type Logger, retrySchedule } from '@cpns/shared';
import { ack, bodyOf, data, dataAnswer, type Envelope, isPassing, refusal, Status, statusName } from '@cpns/shared/messages';
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

/**
 * Delivers the outbox: every message is sealed afresh for the session of the moment and repeated until the device has answered that it
 * stored it; nothing else counts as delivery (protocol 0.23). What has no way now goes when a session is confirmed.
 */
export class OutboxDelivery {
  readonly #options: OutboxDeliveryOptions;
  readonly #lanes = new Map<EntityId, Lane>();
  readonly #waiting = new Map<string, (status: Status | undefined) => void>();
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
    for (const end of [...this.#waiting.values()]) end(undefined);
  }

  /** Sends what waits for that device and is not under way. */
  flush(entityId: EntityId): void {
    const { inventory, clock } = this.#options;
    const known = this.#lanes.get(entityId);
    const lane: Lane = known ?? { underWay: new Set(), delays: retrySchedule(this.#options.entropy, RETRY), cancelTimer: () => {} };
    for (const message of inventory.reads.outbox.waiting(entityId, WINDOW)) {
      if (lane.underWay.has(message.id)) continue;
      const session = this.#route(message);
      if (session === undefined) continue;
      lane.underWay.add(message.id);
      void this.#options.downlink.send(session, message.octets, message.number !== data.number);
    }
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
    await inventory.transact((tx) => tx.outbox.remove(message.id));
    this.#waiting.get(toHex(message.transaction))?.(status);
    const lane = this.#lanes.get(message.to);
    lane?.underWay.delete(message.id);
    if (lane?.underWay.size === 0) this.#close(message.to);
    this.flush(message.to);
  }

  /** Resolves with the device's answer to that message, or undefined after `waitMs`. */
  wait(transaction: Uint8Array, waitMs: number): Promise<Status | undefined> {
    const name = toHex(transaction);
    return new Promise((resolve) => {
      const end = (status: Status | undefined) => {
        cancelTimer();
        this.#waiting.delete(name);
        resolve(status);
      };
      const cancelTimer = this.#options.clock.after(waitMs, () => end(undefined));
      this.#waiting.set(name, end);
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
          for (const { id, to, number } of expired) {
            if (!tx.outbox.remove(id) || number !== data.number) continue;
            tx.events.add({
              event: 'message-expired',
              text: `A message to ${to} was not delivered in time and was given up.`,
              entityId: to,
            });
          }
        });
      }
    } catch (error) {
      logger.error('expired messages could not be removed', { why: describeError(error) });
    }
  }
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
