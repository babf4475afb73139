import { type Clock, CpnsError, type EntityId, type PnId } from '@cpns/shared';
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
  struct,
  text,
  toOctets,
  uint,
} from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { DeviceLimits } from './device-context.js';
import { type DeviceState, pnIdOctets } from './device-state.js';

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
});
/** One message that waits for its addressee's answer. */
export type OutboxMessage = Infer<typeof outboxRecord>;

/** What a caller gives. */
export interface NewMessage {
  readonly pnId: PnId | undefined;
  readonly to: 'server' | EntityId;
  readonly channel: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
}

/** Messages of this device that were not answered yet: durable, bounded, in the order in which they were queued. */
export class Outbox {
  readonly #state: DeviceState;
  readonly #clock: Clock;
  readonly #limits: OutboxLimits;
  readonly #messages = new Map<string, { readonly key: string; readonly message: OutboxMessage }>();
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
      this.#messages.set(toHex(message.id), { key, message });
      this.#octets += message.payload.length;
      this.#nextKey = Number(key.slice('outbox/'.length)) + 1;
    }
  }

  get size(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#messages.size, bytes: this.#octets };
  }

  /** Durable when the promise resolves. @throws CpnsError State/OutboxFull, State/DiskFull */
  async add(id: Uint8Array, message: NewMessage): Promise<OutboxMessage> {
    if (this.#messages.size >= this.#limits.outboxMessages || this.#octets + message.payload.length > this.#limits.outboxOctets) {
      throw new CpnsError(
        'State',
        'OutboxFull',
        'Too many messages wait for delivery: bring the PN GW or the server back, or wait until they expire.',
      );
    }
    const record: OutboxMessage = {
      id,
      ...(message.pnId && { pnId: pnIdOctets(message.pnId) }),
      to: message.to === 'server' ? Addressee.Server : Addressee.Entity,
      ...(message.to !== 'server' && { entity: message.to }),
      channel: message.channel,
      contentType: message.contentType,
      payload: message.payload,
      queuedWallMs: this.#clock.wallMs(),
    };
    const key = `outbox/${String(this.#nextKey++).padStart(12, '0')}`;
    this.#messages.set(toHex(id), { key, message: record });
    this.#octets += message.payload.length;
    try {
      await this.#state.commit(new Map([[key, toOctets(outboxRecord, record)]]));
    } catch (error) {
      this.#drop(id);
      throw error;
    }
    return record;
  }

  has(id: Uint8Array): boolean {
    return this.#messages.has(toHex(id));
  }

  all(): OutboxMessage[] {
    return [...this.#messages.values()].map((entry) => entry.message);
  }

  /** Answered, or given up. */
  async remove(id: Uint8Array): Promise<void> {
    const entry = this.#messages.get(toHex(id));
    if (entry === undefined) return;
    this.#drop(id);
    await this.#state.commit(new Map([[entry.key, undefined]]));
  }

  isExpired(message: OutboxMessage): boolean {
    return this.#clock.wallMs() - message.queuedWallMs > this.#limits.outboxKeptMs;
  }

  #drop(id: Uint8Array): void {
    const entry = this.#messages.get(toHex(id));
    if (entry === undefined) return;
    this.#messages.delete(toHex(id));
    this.#octets -= entry.message.payload.length;
  }
}
