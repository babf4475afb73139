import type { EntityId } from '@cpns/shared';
import type { InventoryContext } from './context.js';
import type { ReceivedDataRow } from './tables.js';
import { itemOfData, type WatchFeed } from './watch-feed.js';

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
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
}

export interface ReceivedDataReads {
  /** The last ones, newest first. */
  latest(limit: number): readonly StoredData[];
}

/** The last 1,000 messages of each device, 24 h of running time. */
export interface ReceivedDataLog extends ReceivedDataReads {
  /** Stores it and, after the commit, shows it to whoever watches. False: that (from, messageId) is there already; answer it again. */
  store(data: ReceivedData): boolean;
}

/** Messages of one device that are kept, and for how long in running time. */
const KEPT_PER_SENDER = 1_000;
const KEPT_MS = 24 * 3_600_000;
const EXPIRE_AT_ONCE = 1_000;
type Row = Omit<ReceivedDataRow, 'id' | 'received_running'>;

/** Received data in SQLite. */
export class SqliteReceivedData implements ReceivedDataLog {
  readonly #context: InventoryContext;
  readonly #feed: WatchFeed;

  constructor(context: InventoryContext, feed: WatchFeed) {
    this.#context = context;
    this.#feed = feed;
  }

  latest(limit: number): readonly StoredData[] {
    const sql = 'SELECT sender, message_id, channel, content_type, payload, received_ms FROM received_data ORDER BY id DESC LIMIT ?';
    return this.#context.sqlite.all<Row>(sql, limit).map(recordOf);
  }

  store(data: ReceivedData): boolean {
    const { sqlite, clock, running } = this.#context;
    const receivedMs = clock.wallMs();
    const { changes } = sqlite.run(
      `INSERT INTO received_data (sender, message_id, channel, content_type, payload, received_ms, received_running)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
      data.from,
      data.messageId,
      data.channel,
      data.contentType,
      data.payload,
      receivedMs,
      running.nowMs(),
    );
    if (changes === 0) return false;
    sqlite.run(
      `DELETE FROM received_data WHERE sender = ? AND id <=
         (SELECT id FROM received_data WHERE sender = ? ORDER BY id DESC LIMIT 1 OFFSET ${KEPT_PER_SENDER})`,
      data.from,
      data.from,
    );
    this.#context.afterCommit(() => this.#feed.show(() => itemOfData({ ...data, receivedMs })));
    return true;
  }

  /** Drops what is too old, some rows at a time. True: there may be more. */
  dropExpired(): boolean {
    const { sqlite, running } = this.#context;
    const oldest = `SELECT id, received_running FROM received_data ORDER BY id LIMIT ${EXPIRE_AT_ONCE}`;
    const sql = `DELETE FROM received_data WHERE id IN (SELECT id FROM (${oldest}) WHERE received_running <= ?)`;
    return sqlite.run(sql, running.nowMs() - KEPT_MS).changes === EXPIRE_AT_ONCE;
  }
}

function recordOf(row: Row): StoredData {
  return {
    messageId: row.message_id,
    from: row.sender,
    channel: row.channel,
    contentType: row.content_type,
    payload: row.payload,
    receivedMs: row.received_ms,
  };
}
