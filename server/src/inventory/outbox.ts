import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Selectable } from 'kysely';
import type { InventoryContext } from './context.js';
import type { OutboxRow } from './tables.js';

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
  /** The envelope. No message that waits here holds a key. */
  readonly octets: Uint8Array;
}

export interface NewOutboxMessage extends Omit<OutboxMessage, 'id'> {
  /** Messages of the same number and topic for the same device and PN that wait already are replaced (a newer inventory). Default false. */
  readonly supersedes?: boolean;
  /** What the message is about, where a device is told of several such things in one session: an SG ID. */
  readonly topic?: Uint8Array;
}

export interface OutboxReads {
  /** What waits for that device, oldest first; only what was added after message `after`, if that is given. */
  waiting(to: EntityId, limit: number, after?: number): readonly OutboxMessage[];
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
  /** Everything for that device, or everything for it in one PN. */
  removeFor(to: EntityId, pnId?: PnId): void;
}

const COLUMNS = 'id, entity_id, pn_id, number, txn, octets';
type Row = Omit<Selectable<OutboxRow>, 'size' | 'created_running' | 'topic'>;

/** Outbox in SQLite. */
export class SqliteOutbox implements Outbox {
  readonly #context: InventoryContext;
  /** Every device that has messages here, and some that had: nothing is ever added for another one. */
  readonly #addressees: Set<EntityId>;

  constructor(context: InventoryContext) {
    this.#context = context;
    const rows = context.sqlite.all<Pick<OutboxRow, 'entity_id'>>('SELECT DISTINCT entity_id FROM outbox');
    this.#addressees = new Set(rows.map((row) => row.entity_id));
  }

  waiting(to: EntityId, limit: number, after = 0): readonly OutboxMessage[] {
    if (!this.#addressees.has(to)) return [];
    const { sqlite } = this.#context;
    const sql = `SELECT ${COLUMNS} FROM outbox WHERE entity_id = ? AND id > ? ORDER BY id LIMIT ?`;
    const messages = sqlite.all<Row>(sql, to, after, limit).map(recordOf);
    // Not within a transaction: what it removed may come back.
    if (messages.length === 0 && after === 0 && limit > 0 && !sqlite.inTransaction) this.#addressees.delete(to);
    return messages;
  }

  find(to: EntityId, transaction: Uint8Array): OutboxMessage | undefined {
    const row = this.#context.sqlite.get<Row>(`SELECT ${COLUMNS} FROM outbox WHERE entity_id = ? AND txn = ?`, to, transaction);
    return row && recordOf(row);
  }

  expired(): readonly OutboxMessage[] {
    const { sqlite, running, limits } = this.#context;
    const oldest = `SELECT ${COLUMNS}, created_running FROM outbox ORDER BY id LIMIT 1000`;
    return sqlite
      .all<Row>(`SELECT ${COLUMNS} FROM (${oldest}) WHERE created_running <= ?`, running.nowMs() - limits.outboxKeptMs)
      .map(recordOf);
  }

  total(): { readonly messages: number; readonly octets: number } {
    const sql = 'SELECT count(*) AS messages, coalesce(sum(size), 0) AS octets FROM outbox';
    return this.#context.sqlite.get<{ messages: number; octets: number }>(sql) ?? { messages: 0, octets: 0 };
  }

  add(message: NewOutboxMessage): number {
    const { sqlite, running } = this.#context;
    const pnId = message.pnId === undefined ? null : fromHex(message.pnId);
    if (message.supersedes === true) {
      const sql = 'DELETE FROM outbox WHERE entity_id = ? AND pn_id IS ? AND number = ? AND topic IS ?';
      sqlite.run(sql, message.to, pnId, message.number, message.topic ?? null);
    }
    this.#checkRoom(message);
    this.#addressees.add(message.to);
    return sqlite.run(
      'INSERT INTO outbox (entity_id, pn_id, number, topic, txn, octets, size, created_running) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      message.to,
      pnId,
      message.number,
      message.topic ?? null,
      message.transaction,
      message.octets,
      message.octets.length,
      running.nowMs(),
    ).id;
  }

  remove(id: number): boolean {
    return this.#context.sqlite.run('DELETE FROM outbox WHERE id = ?', id).changes > 0;
  }

  removeFor(to: EntityId, pnId?: PnId): void {
    const { sqlite } = this.#context;
    if (pnId === undefined) sqlite.run('DELETE FROM outbox WHERE entity_id = ?', to);
    else sqlite.run('DELETE FROM outbox WHERE entity_id = ? AND pn_id = ?', to, fromHex(pnId));
  }

  #checkRoom(message: NewOutboxMessage): void {
    const { sqlite, limits } = this.#context;
    const sql = 'SELECT count(*) AS messages, coalesce(sum(size), 0) AS octets FROM outbox WHERE entity_id = ?';
    const held = sqlite.get<{ messages: number; octets: number }>(sql, message.to) ?? { messages: 0, octets: 0 };
    if (held.messages < limits.outboxMessagesPerEntity && held.octets + message.octets.length <= limits.outboxOctetsPerEntity) return;
    throw new CpnsError(
      'State',
      'OutboxFull',
      `Too much waits for "${message.to}" already (${held.messages} messages, ${held.octets} octets): try again when the device has been here.`,
      { status: Status.Busy, retryable: true },
    );
  }
}

function recordOf(row: Row): OutboxMessage {
  return {
    id: row.id,
    to: row.entity_id,
    pnId: row.pn_id === null ? undefined : (toHex(row.pn_id) as PnId),
    number: row.number,
    transaction: row.txn,
    octets: row.octets,
  };
}
