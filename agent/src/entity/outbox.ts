import { type Clock, CpnsError, type EntityId, type PnId, type SgId } from '@cpns/shared';
import {
  Addressee,
  bytes,
  channelField,
  entityIdField,
  field,
  fromOctets,
  type Infer,
  MAX_PAYLOAD,
  oneOf,
  optional,
  pnIdField,
  sgIdField,
  struct,
  text,
  toOctets,
  uint,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { DeviceLimits } from './device-context.js';
import { type DeviceState, pnIdOctets, sgIdOctets } from './device-state.js';

/** How much that was not delivered is kept, and for how long until it is given up (protocol 0.23). */
export type OutboxLimits = Pick<DeviceLimits, 'outboxMessages' | 'outboxOctets' | 'outboxKeptMs'>;

const outboxRecord = struct({
  id: field(1, bytes(16)),
  pnId: optional(2, pnIdField),
  to: field(3, oneOf(Addressee)),
  entity: optional(4, entityIdField),
  channel: field(5, channelField),
  contentType: field(6, text(64)),
  payload: field(7, bytes(0, MAX_PAYLOAD)),
  queuedWallMs: field(8, uint()),
  group: optional(9, sgIdField),
});
/** One message that waits for its addressee's answer. */
export type OutboxMessage = Infer<typeof outboxRecord>;

/** What a caller gives. */
export interface NewMessage {
  readonly pnId: PnId | undefined;
  readonly to: 'server' | EntityId | { readonly sgId: SgId };
  readonly channel: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
}

interface Waiting {
  readonly key: string;
  readonly message: OutboxMessage;
  /** By the monotonic clock. */
  readonly expiresAtMs: number;
}

/** Messages of this device that were not answered yet: durable, bounded, in the order in which they were queued. */
export class Outbox {
  readonly #state: DeviceState;
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  /** By message id in hex. */
  readonly #messages = new Map<string, Waiting>();
  /** Messages on their way to the disk. */
  #adding = 0;
  #octets = 0;
  #nextKey = 0;

  constructor(state: DeviceState, clock: Clock, limits: OutboxLimits) {
    this.#state = state;
    this.#clock = clock;
    this.#limits = limits;
    for (const key of state.keys('outbox/')) {
      const octets = state.raw(key);
      if (octets === undefined) continue;
      const message = fromOctets(outboxRecord, octets, key);
      // A clock that was set back in between must not keep a message for ever, nor throw one away.
      const ageMs = Math.max(0, clock.wallMs() - message.queuedWallMs);
      this.#messages.set(toHex(message.id), { key, message, expiresAtMs: clock.monotonicMs() + limits.outboxKeptMs - ageMs });
      this.#octets += message.payload.length;
      this.#nextKey = Number(key.slice('outbox/'.length)) + 1;
    }
  }

  get size(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages.size, bytes: this.#octets };
  }

  /** Durable when the promise resolves. @throws CpnsError State/OutboxFull, State/DiskFull */
  async add(id: Uint8Array, message: NewMessage): Promise<OutboxMessage> {
    if (
      this.#messages.size + this.#adding >= this.#limits.outboxMessages ||
      this.#octets + message.payload.length > this.#limits.outboxOctets
    ) {
      throw new CpnsError(
        'State',
        'OutboxFull',
        'Too many messages wait for delivery: bring the PN GW or the server back, or wait until they expire.',
      );
    }
    const record: OutboxMessage = {
      id,
      ...(message.pnId && { pnId: pnIdOctets(message.pnId) }),
      ...addresseeOf(message.to),
      channel: message.channel,
      contentType: message.contentType,
      payload: message.payload,
      queuedWallMs: this.#clock.wallMs(),
    };
    const key = `outbox/${String(this.#nextKey++).padStart(12, '0')}`;
    const octets = message.payload.length;
    this.#adding++;
    this.#octets += octets;
    try {
      await this.#state.commit(new Map([[key, toOctets(outboxRecord, record)]]));
    } catch (error) {
      this.#octets -= octets;
      throw error;
    } finally {
      this.#adding--;
    }
    this.#messages.set(toHex(id), { key, message: record, expiresAtMs: this.#clock.monotonicMs() + this.#limits.outboxKeptMs });
    return record;
  }

  /** Ids in hex, in the order in which the messages were queued. */
  ids(): IterableIterator<string> {
    return this.#messages.keys();
  }

  get(id: string): OutboxMessage | undefined {
    return this.#messages.get(id)?.message;
  }

  /** Answered, or given up. @throws CpnsError State/StoreFailed: then it comes back with the next start */
  async remove(id: string): Promise<void> {
    const entry = this.#messages.get(id);
    if (entry === undefined) return;
    this.#drop(id);
    await this.#state.commit(new Map([[entry.key, undefined]]));
  }

  isExpired(id: string): boolean {
    const entry = this.#messages.get(id);
    return entry !== undefined && this.#clock.monotonicMs() > entry.expiresAtMs;
  }

  #drop(id: string): void {
    const entry = this.#messages.get(id);
    if (entry === undefined) return;
    this.#messages.delete(id);
    this.#octets -= entry.message.payload.length;
  }
}

function addresseeOf(to: NewMessage['to']): Pick<OutboxMessage, 'to' | 'entity' | 'group'> {
  if (to === 'server') return { to: Addressee.Server };
  return typeof to === 'string' ? { to: Addressee.Entity, entity: to } : { to: Addressee.Group, group: sgIdOctets(to.sgId) };
}
