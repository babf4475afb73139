import type { EntityId, PnId } from '@cpns/shared';

/** Something that happened, for the operator. */
export interface NewEvent {
  /** Stable name: device-connected, pn-established, member-removed, ... */
  readonly event: string;
  /** The same as one sentence. */
  readonly text: string;
  readonly entityId?: EntityId | undefined;
  readonly pnId?: PnId | undefined;
}

export interface StoredEvent extends NewEvent {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface EventReads {
  /** The last ones, newest first. */
  latest(limit: number): readonly StoredEvent[];
}

/** The last 10,000 events. */
export interface Events extends EventReads {
  /** Stores it and, after the commit, shows it to whoever watches. */
  add(event: NewEvent): void;
}
