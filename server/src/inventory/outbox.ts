import type { EntityId, PnId } from '@cpns/shared';

/** A message to a device that the device has not answered yet. */
export interface OutboxMessage {
  /** Rising in the order of adding. */
  readonly id: number;
  readonly to: EntityId;
  /** PN whose session carries it; undefined: the device's own session as PN GW. */
  readonly pnId: PnId | undefined;
  /** Message number of the catalogue. */
  readonly number: number;
  /** Transaction id, 16 octets: every repetition carries the same. */
  readonly transaction: Uint8Array;
  /** The envelope, or, when it holds key material, the envelope sealed under the master key. */
  readonly octets: Uint8Array;
  readonly sealed: boolean;
  /** How often it went out. */
  readonly attempts: number;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
}

export interface NewOutboxMessage extends Omit<OutboxMessage, 'id' | 'attempts' | 'createdMs'> {
  /** Messages of the same number for the same device and PN that wait already are replaced (a newer inventory). Default false. */
  readonly supersedes?: boolean;
}

export interface OutboxReads {
  /** What waits for that device, oldest first. */
  waiting(to: EntityId, limit: number): readonly OutboxMessage[];
  find(to: EntityId, transaction: Uint8Array): OutboxMessage | undefined;
  /** Older than outboxKeptMs of running time, oldest first, at most 1,000. */
  expired(): readonly OutboxMessage[];
  total(): { readonly messages: number; readonly octets: number };
}

/** Messages wait here until the device answers, at most outboxMessagesPerEntity and outboxOctetsPerEntity for each. */
export interface Outbox extends OutboxReads {
  /** The id. @throws CpnsError State/OutboxFull (status Busy) */
  add(message: NewOutboxMessage): number;
  /** The device answered, or it expired. False: it was gone already. */
  remove(id: number): boolean;
  /** It went out once more. */
  countAttempt(id: number): void;
  /** Everything for that device, or everything for it in one PN. */
  removeFor(to: EntityId, pnId?: PnId): void;
}
