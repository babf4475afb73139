import type { EntityId } from '@cpns/shared';

/** Application data that reached the server. */
export interface ReceivedData {
  /** Chosen by the sender, 16 octets. */
  readonly messageId: Uint8Array;
  readonly from: EntityId;
  readonly channel: string;
  readonly contentType: string;
  readonly payload: Uint8Array;
}

export interface StoredData extends ReceivedData {
  /** Rising in the order of arrival. */
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
}

export interface ReceivedDataReads {
  /** Arrived after `id` (0: all that is kept), oldest first. */
  after(id: number, limit: number): readonly StoredData[];
}

/** The last 1,000 messages of each device, 24 h of running time. */
export interface ReceivedDataLog extends ReceivedDataReads {
  /** Stores it and, after the commit, shows it to whoever watches. False: that (from, messageId) is there already; answer it again. */
  store(data: ReceivedData): boolean;
}
