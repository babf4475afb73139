import type { EntityId, PnId } from '@cpns/shared';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Selectable } from 'kysely';
import type { InventoryContext } from './context.js';
import type { EventRow } from './tables.js';
import { itemOfEvent, type WatchFeed } from './watch-feed.js';

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

const KEPT = 10_000;
/** Those beyond are dropped so many at once. */
const DROPPED_AT_ONCE = 64;

/** Events in SQLite. */
export class SqliteEvents implements Events {
  readonly #context: InventoryContext;
  readonly #feed: WatchFeed;

  constructor(context: InventoryContext, feed: WatchFeed) {
    this.#context = context;
    this.#feed = feed;
  }

  latest(limit: number): readonly StoredEvent[] {
    const { sqlite } = this.#context;
    return sqlite.select(sqlite.build.selectFrom('events').selectAll().orderBy('id', 'desc').limit(Math.min(limit, KEPT))).map(recordOf);
  }

  add({ event, text, entityId, pnId }: NewEvent): void {
    const { sqlite, clock } = this.#context;
    const atMs = clock.wallMs();
    const { id } = sqlite.run(
      'INSERT INTO events (event, text, entity_id, pn_id, at_ms) VALUES (?, ?, ?, ?, ?)',
      event,
      text,
      entityId ?? null,
      pnId === undefined ? null : fromHex(pnId),
      atMs,
    );
    if (id % DROPPED_AT_ONCE === 0) sqlite.run('DELETE FROM events WHERE id <= ?', id - KEPT);
    this.#context.afterCommit(() => this.#feed.show(() => itemOfEvent({ event, text, entityId, pnId, atMs })));
  }
}

function recordOf(row: Selectable<EventRow>): StoredEvent {
  return {
    event: row.event,
    text: row.text,
    entityId: row.entity_id ?? undefined,
    pnId: row.pn_id === null ? undefined : (toHex(row.pn_id) as PnId),
    atMs: row.at_ms,
  };
}
