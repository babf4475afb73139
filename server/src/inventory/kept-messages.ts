import type { EntityId, SgId } from '@cpns/shared';
import { fromHex } from '@cpns/shared/security';
import type { InventoryContext } from './context.js';

/** A message of a service group that somebody has not got. */
export interface NewKeptMessage {
  /** Its place in the order of arrival: {@link KeptReads.nextPlace}. */
  readonly place: number;
  readonly sgId: SgId;
  readonly epoch: number;
  /** As it came, sealed; its header stands at its beginning and names it. */
  readonly message: Uint8Array;
  readonly headerOctets: number;
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
  readonly members: readonly EntityId[];
}

/** What goes to a member next. */
export interface KeptBatch {
  /** Of the messages; the first one has it, and those behind it up to the next rekey. */
  readonly epoch: number | undefined;
  readonly messages: readonly { readonly id: number; readonly receivedMs: number; readonly message: Uint8Array }[];
  /** Messages that were given up before this member got them, and that it was not told of. */
  readonly lost: number;
}

export interface KeptReads {
  /** For a message that has just come. Rises by one each time. */
  nextPlace(): number;
  /** The oldest messages for a member, at most `limit` and `octets` of them, but one at least. Undefined: it has everything. */
  next(sgId: SgId, entityId: EntityId, limit: number, octets: number): KeptBatch | undefined;
  /** The sealed Group Key of an epoch that is over, while messages of it are kept. */
  formerKey(sgId: SgId, epoch: number): Uint8Array | undefined;
  /** Messages of that epoch are kept. */
  has(sgId: SgId, epoch: number): boolean;
  /** How many messages are kept, and for how many members. */
  count(sgId: SgId): { readonly messages: number; readonly members: number };
}

/**
 * Messages of service groups for members that were away (security 1.8, offline). They go with the last member that has not got them, with
 * a membership, and when there are more of them, or older ones, than the limits say: the oldest first, and whoever has not got one is told.
 */
export interface KeptMessages extends KeptReads {
  /** A message that is kept already is kept for more members. Whoever is no member any more, or came in after that epoch, gets nothing. */
  keep(message: NewKeptMessage): void;
  /** A member has stored those, and was told that `lost` were given up. */
  delivered(sgId: SgId, entityId: EntityId, ids: readonly number[], lost: number): void;
  /** The Group Key of an epoch that is over or about to be; nothing happens where no message of it is kept. */
  putKeyAside(sgId: SgId, epoch: number, sealed: Uint8Array): void;
}

/** Messages that are given up for their age in one transaction. */
const EXPIRED_AT_ONCE = 100;
const SG = '(SELECT id FROM sgs WHERE sg_id = ?)';

interface KeptRow {
  readonly id: number;
  readonly epoch: number;
  readonly message: Uint8Array;
  readonly size: number;
  readonly received_ms: number;
}

/** Kept messages in SQLite. Triggers take a message away with its last member, and a key with its last message. */
export class SqliteKeptMessages implements KeptMessages {
  readonly #context: InventoryContext;
  #place: number;

  constructor(context: InventoryContext) {
    this.#context = context;
    this.#place = context.sqlite.get<{ id: number | null }>('SELECT max(id) AS id FROM sg_kept')?.id ?? 0;
  }

  nextPlace(): number {
    return ++this.#place;
  }

  next(sgId: SgId, entityId: EntityId, limit: number, octets: number): KeptBatch | undefined {
    const { sqlite } = this.#context;
    const sg = fromHex(sgId);
    const sql = `SELECT k.id, k.epoch, k.message, k.size, k.received_ms FROM sg_kept_for f JOIN sg_kept k ON k.id = f.kept
      WHERE f.sg = ${SG} AND f.entity_id = ? ORDER BY f.kept LIMIT ?`;
    const rows = sqlite.all<KeptRow>(sql, sg, entityId, limit);
    const lost = sqlite.get<{ lost: number }>(`SELECT lost FROM sg_members WHERE entity_id = ? AND sg = ${SG}`, entityId, sg)?.lost ?? 0;
    const [first] = rows;
    if (first === undefined && lost === 0) return undefined;
    let total = 0;
    const fits = ({ epoch, size }: KeptRow) => {
      total += size;
      return epoch === first?.epoch && (total <= octets || total === size);
    };
    const end = rows.findIndex((row) => !fits(row));
    const messages = (end < 0 ? rows : rows.slice(0, end)).map(({ id, message, received_ms: receivedMs }) => ({ id, receivedMs, message }));
    return { epoch: first?.epoch, messages, lost };
  }

  formerKey(sgId: SgId, epoch: number): Uint8Array | undefined {
    const sql = `SELECT sealed FROM sg_former_keys WHERE sg = ${SG} AND epoch = ?`;
    return this.#context.sqlite.get<{ sealed: Uint8Array }>(sql, fromHex(sgId), epoch)?.sealed;
  }

  has(sgId: SgId, epoch: number): boolean {
    return this.#context.sqlite.get(`SELECT 1 FROM sg_kept WHERE sg = ${SG} AND epoch = ? LIMIT 1`, fromHex(sgId), epoch) !== undefined;
  }

  count(sgId: SgId): { readonly messages: number; readonly members: number } {
    const sql = `SELECT (SELECT count(*) FROM sg_kept WHERE sg = sgs.id) AS messages,
      (SELECT count(DISTINCT entity_id) FROM sg_kept_for WHERE sg = sgs.id) AS members FROM sgs WHERE sg_id = ?`;
    return this.#context.sqlite.get<{ messages: number; members: number }>(sql, fromHex(sgId)) ?? { messages: 0, members: 0 };
  }

  keep({ place, sgId, epoch, message, headerOctets, receivedMs, members }: NewKeptMessage): void {
    const { sqlite, running, limits } = this.#context;
    const sg = sqlite.get<{ id: number }>('SELECT id FROM sgs WHERE sg_id = ?', fromHex(sgId))?.id;
    if (sg === undefined) return;
    const known = 'SELECT entity_id FROM sg_members WHERE entity_id = ? AND sg = ? AND joined_epoch <= ?';
    const absent = members.slice(0, limits.groupKeptCopiesPerGroup).filter((member) => sqlite.get(known, member, sg, epoch) !== undefined);
    if (absent.length === 0) return;
    const header = message.subarray(0, headerOctets);
    sqlite.run(
      'INSERT INTO sg_kept (id, sg, epoch, header, message, size, received_ms, received_running) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
      place,
      sg,
      epoch,
      header,
      message,
      message.length,
      receivedMs,
      running.nowMs(),
    );
    const kept = sqlite.get<{ id: number }>('SELECT id FROM sg_kept WHERE sg = ? AND epoch = ? AND header = ?', sg, epoch, header)?.id;
    if (kept === undefined) return;
    for (const entityId of absent) {
      sqlite.run('INSERT INTO sg_kept_for (sg, entity_id, kept) VALUES (?, ?, ?) ON CONFLICT DO NOTHING', sg, entityId, kept);
      this.#makeRoomFor(sg, entityId);
    }
    this.#makeRoom(sg);
  }

  delivered(sgId: SgId, entityId: EntityId, ids: readonly number[], lost: number): void {
    const { sqlite } = this.#context;
    const sg = fromHex(sgId);
    for (const id of ids) sqlite.run(`DELETE FROM sg_kept_for WHERE sg = ${SG} AND entity_id = ? AND kept = ?`, sg, entityId, id);
    if (lost > 0) sqlite.run(`UPDATE sg_members SET lost = lost - ? WHERE entity_id = ? AND sg = ${SG}`, lost, entityId, sg);
  }

  putKeyAside(sgId: SgId, epoch: number, sealed: Uint8Array): void {
    if (!this.has(sgId, epoch)) return;
    const sql = `INSERT INTO sg_former_keys (sg, epoch, sealed) VALUES (${SG}, ?, ?) ON CONFLICT DO NOTHING`;
    this.#context.sqlite.run(sql, fromHex(sgId), epoch, sealed);
  }

  /** Gives up some that are too old, within a transaction. True: there may be more. */
  dropExpired(): boolean {
    const { sqlite, running, limits } = this.#context;
    const sql = `SELECT id FROM sg_kept WHERE received_running <= ? ORDER BY received_running LIMIT ${EXPIRED_AT_ONCE}`;
    const expired = sqlite.all<{ id: number }>(sql, running.nowMs() - limits.groupKeptMs);
    for (const { id } of expired) this.#giveUp(id);
    return expired.length === EXPIRED_AT_ONCE;
  }

  /** For one member: its oldest ones go. */
  #makeRoomFor(sg: number, entityId: EntityId): void {
    const { sqlite, limits } = this.#context;
    const last = 'SELECT kept FROM sg_kept_for WHERE sg = ? AND entity_id = ? ORDER BY kept DESC LIMIT 1 OFFSET ?';
    const beyond = sqlite.get<{ kept: number }>(last, sg, entityId, limits.groupKeptMessagesPerMember);
    if (beyond === undefined) return;
    const sql = 'DELETE FROM sg_kept_for WHERE sg = ? AND entity_id = ? AND kept <= ?';
    const { changes } = sqlite.run(sql, sg, entityId, beyond.kept);
    sqlite.run('UPDATE sg_members SET lost = lost + ? WHERE entity_id = ? AND sg = ?', changes, entityId, sg);
  }

  #makeRoom(sg: number): void {
    const { sqlite, limits } = this.#context;
    const sizes = 'SELECT count(*) AS messages, coalesce(sum(size), 0) AS octets FROM sg_kept WHERE sg = ?';
    for (;;) {
      const { messages, octets } = sqlite.get<{ messages: number; octets: number }>(sizes, sg) ?? { messages: 0, octets: 0 };
      const copies = sqlite.get<{ copies: number }>('SELECT count(*) AS copies FROM sg_kept_for WHERE sg = ?', sg)?.copies ?? 0;
      const { groupKeptMessagesPerGroup, groupKeptOctetsPerGroup, groupKeptCopiesPerGroup } = limits;
      if (messages <= groupKeptMessagesPerGroup && octets <= groupKeptOctetsPerGroup && copies <= groupKeptCopiesPerGroup) return;
      const oldest = sqlite.get<{ id: number }>('SELECT id FROM sg_kept WHERE sg = ? ORDER BY id LIMIT 1', sg);
      if (oldest === undefined) return;
      this.#giveUp(oldest.id);
    }
  }

  /** Whoever has not got it is told how many there were. */
  #giveUp(id: number): void {
    const { sqlite } = this.#context;
    const sql = 'UPDATE sg_members SET lost = lost + 1 WHERE (entity_id, sg) IN (SELECT entity_id, sg FROM sg_kept_for WHERE kept = ?)';
    sqlite.run(sql, id);
    sqlite.run('DELETE FROM sg_kept WHERE id = ?', id);
  }
}
