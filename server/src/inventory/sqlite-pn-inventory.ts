import { CpnsError, type CpnsId, type EntityId, type PnId, type UserId } from '@cpns/shared';
import { PneState, Status } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { InventoryContext } from './context.js';
import type { MemberRecord, MemberState, NewMember, NewPn, PnInventory, PnRecord, PnState } from './pn-inventory.js';
import { ReadCache } from './read-cache.js';
import { isDuplicate, isMissingReference } from './sqlite-errors.js';
import type { DeviceRow, PnMemberRow, PnRow } from './tables.js';

const PN = 'pn_id, gateway, initiator, state, share_members, version, key_epoch, sealed_key, created_ms';
const MEMBER = `m.pn_id, m.entity_id, d.user_id, d.cpns_id, m.state, m.contents, m.authenticated_ms
  FROM pn_members m JOIN devices d ON d.entity_id = m.entity_id`;
/** Of a row that is Pending. */
const PENDING = PneState.Challenged;
const IS_MEMBER = `state <> ${PENDING}`;
/** A member has registered, so it has a CPNS ID. */
type MemberRow = Omit<PnMemberRow, 'authenticated_running' | 'state'> & { readonly state: MemberState } & Pick<DeviceRow, 'user_id'> & {
    readonly cpns_id: CpnsId;
  };

const RETRY_WHEN_FULL_MS = 600_000;

/** PN Inventory in SQLite. */
export class SqlitePnInventory implements PnInventory {
  readonly #context: InventoryContext;
  readonly #found: ReadCache<PnId, PnRecord>;
  /** PNs of a PN GW. */
  readonly #held: ReadCache<EntityId, number>;

  constructor(context: InventoryContext) {
    this.#context = context;
    this.#found = new ReadCache(context.sqlite);
    this.#held = new ReadCache(context.sqlite);
  }

  find(pnId: PnId): PnRecord | undefined {
    return this.#found.get(pnId, () => {
      const row = this.#context.sqlite.get<PnRow>(`SELECT ${PN} FROM pns WHERE pn_id = ?`, fromHex(pnId));
      return row && pnOf(row);
    });
  }

  members(pnId: PnId): readonly MemberRecord[] {
    return this.#context.sqlite
      .all<MemberRow>(`SELECT ${MEMBER} WHERE m.pn_id = ? AND m.${IS_MEMBER} ORDER BY m.entity_id`, fromHex(pnId))
      .map(memberOf);
  }

  member(pnId: PnId, entityId: EntityId): MemberRecord | undefined {
    const row = this.#context.sqlite.get<MemberRow>(
      `SELECT ${MEMBER} WHERE m.pn_id = ? AND m.entity_id = ? AND m.${IS_MEMBER}`,
      fromHex(pnId),
      entityId,
    );
    return row && memberOf(row);
  }

  ofGateway(gateway: EntityId): readonly PnRecord[] {
    return this.#context.sqlite.all<PnRow>(`SELECT ${PN} FROM pns WHERE gateway = ? ORDER BY pn_id`, gateway).map(pnOf);
  }

  ofMember(entityId: EntityId): readonly PnRecord[] {
    const sql = `SELECT ${PN} FROM pns WHERE pn_id IN (SELECT pn_id FROM pn_members WHERE entity_id = ? AND ${IS_MEMBER}) ORDER BY pn_id`;
    return this.#context.sqlite.all<PnRow>(sql, entityId).map(pnOf);
  }

  list(): readonly PnRecord[] {
    const { sqlite } = this.#context;
    return sqlite.select(sqlite.build.selectFrom('pns').selectAll().orderBy('pn_id')).map(pnOf);
  }

  participations(): ReadonlyMap<EntityId, readonly PnId[]> {
    const sql = `SELECT gateway AS entity_id, pn_id FROM pns UNION ALL SELECT entity_id, pn_id FROM pn_members WHERE ${IS_MEMBER}`;
    const pns = new Map<EntityId, PnId[]>();
    for (const row of this.#context.sqlite.all<Pick<PnMemberRow, 'entity_id' | 'pn_id'>>(sql)) {
      const known = pns.get(row.entity_id);
      if (known === undefined) pns.set(row.entity_id, [toHex(row.pn_id) as PnId]);
      else known.push(toHex(row.pn_id) as PnId);
    }
    return pns;
  }

  countByState(): Readonly<Record<PnState, number>> {
    const { sqlite } = this.#context;
    const query = sqlite.build
      .selectFrom('pns')
      .select(['state', sqlite.build.fn.countAll<number>().as('count')])
      .groupBy('state');
    const counts: Record<PnState, number> = { Established: 0, Suspended: 0 };
    for (const row of sqlite.select(query)) counts[row.state] = row.count;
    return counts;
  }

  unconfirmedLongerThan(ms: number): readonly MemberRecord[] {
    const { sqlite, running } = this.#context;
    const sql = `SELECT ${MEMBER} WHERE m.state = 3 AND m.authenticated_running <= ? ORDER BY m.authenticated_running LIMIT 500`;
    return sqlite.all<MemberRow>(sql, running.nowMs() - ms).map(memberOf);
  }

  isPending(pnId: PnId, entityId: EntityId): boolean {
    const sql = `SELECT 1 FROM pn_members WHERE pn_id = ? AND entity_id = ? AND state = ${PENDING}`;
    return this.#context.sqlite.get(sql, fromHex(pnId), entityId) !== undefined;
  }

  requireRoom(gateway: EntityId): void {
    const { sqlite, limits } = this.#context;
    const sql = 'SELECT count(*) AS count FROM pns WHERE gateway = ?';
    const held = this.#held.get(gateway, () => sqlite.get<{ count: number }>(sql, gateway)?.count) ?? 0;
    if (held >= limits.pnsPerGateway)
      throw full('TooManyPns', `${gateway} has ${held} PNs, which is as many as a PN GW may have (limits.pnsPerGateway).`);
  }

  create(pn: NewPn): PnRecord {
    const { sqlite, clock } = this.#context;
    this.requireRoom(pn.gateway);
    this.#held.changed(pn.gateway);
    const createdMs = clock.wallMs();
    try {
      sqlite.run(
        `INSERT INTO pns (${PN}) VALUES (?, ?, ?, 'Established', ?, 1, 1, ?, ?)`,
        fromHex(pn.pnId),
        pn.gateway,
        pn.initiator,
        pn.shareMembers ? 1 : 0,
        pn.sealedKey,
        createdMs,
      );
    } catch (error) {
      if (isMissingReference(error)) throw unknownDevice(pn.gateway);
      if (!isDuplicate(error)) throw error;
      throw new CpnsError('State', 'DuplicatePn', 'That PN ID is taken: pick another one.', { status: Status.Duplicate, cause: error });
    }
    this.#requireRoomFor(pn.pnId, pn.members.length);
    this.#put(pn.pnId, pn.members);
    const { members: _, ...rest } = pn;
    return { ...rest, state: 'Established', version: 1, keyEpoch: 1, createdMs };
  }

  addMembers(pnId: PnId, members: readonly NewMember[], sealedKey: Uint8Array): PnRecord {
    this.#known(pnId);
    this.#found.changed(pnId);
    for (const { entityId } of members) this.removePending(pnId, entityId);
    this.#requireRoomFor(pnId, members.length);
    this.#put(pnId, members);
    const sql = 'UPDATE pns SET version = version + 1, key_epoch = key_epoch + 1, sealed_key = ? WHERE pn_id = ?';
    this.#context.sqlite.run(sql, sealedKey, fromHex(pnId));
    return this.#known(pnId);
  }

  addPending(pnId: PnId, entityIds: readonly EntityId[]): void {
    this.#known(pnId);
    const fresh = entityIds.filter((entityId) => this.member(pnId, entityId) === undefined);
    for (const entityId of fresh) this.removePending(pnId, entityId);
    this.#requireRoomFor(pnId, fresh.length);
    this.#insert(
      pnId,
      fresh.map((entityId) => ({ entityId, contents: undefined, state: PENDING })),
    );
  }

  removePending(pnId: PnId, entityId: EntityId): void {
    const sql = `DELETE FROM pn_members WHERE pn_id = ? AND entity_id = ? AND state = ${PENDING}`;
    this.#context.sqlite.run(sql, fromHex(pnId), entityId);
  }

  removePendingOf(entityId: EntityId): void {
    this.#context.sqlite.run(`DELETE FROM pn_members WHERE entity_id = ? AND state = ${PENDING}`, entityId);
  }

  dropPending(ms: number): number {
    const { sqlite, running } = this.#context;
    const sql = `DELETE FROM pn_members WHERE rowid IN
      (SELECT rowid FROM pn_members WHERE state = ${PENDING} AND authenticated_running <= ? LIMIT 500)`;
    return sqlite.run(sql, running.nowMs() - ms).changes;
  }

  removeMembers(pnId: PnId, entityIds: readonly EntityId[], sealedKey: Uint8Array): PnRecord {
    const { sqlite } = this.#context;
    this.#known(pnId);
    this.#found.changed(pnId);
    for (const entityId of entityIds) sqlite.run('DELETE FROM pn_members WHERE pn_id = ? AND entity_id = ?', fromHex(pnId), entityId);
    sqlite.run('UPDATE pns SET version = version + 1, key_epoch = key_epoch + 1, sealed_key = ? WHERE pn_id = ?', sealedKey, fromHex(pnId));
    return this.#known(pnId);
  }

  setMemberState(pnId: PnId, entityId: EntityId, state: MemberState): boolean {
    const sql = `UPDATE pn_members SET state = ? WHERE pn_id = ? AND entity_id = ? AND state <> ? AND ${IS_MEMBER}`;
    return this.#context.sqlite.run(sql, state, fromHex(pnId), entityId, state).changes > 0;
  }

  setContents(pnId: PnId, entityId: EntityId, contents: Uint8Array): PnRecord {
    const { sqlite } = this.#context;
    this.#found.changed(pnId);
    const sql = 'UPDATE pn_members SET contents = ? WHERE pn_id = ? AND entity_id = ? AND contents IS NOT ?';
    const { changes } = sqlite.run(sql, contents, fromHex(pnId), entityId, contents);
    if (changes > 0) sqlite.run('UPDATE pns SET version = version + 1 WHERE pn_id = ?', fromHex(pnId));
    return this.#known(pnId);
  }

  authenticated(pnId: PnId, entityId: EntityId): void {
    const { sqlite, clock, running } = this.#context;
    const sql = 'UPDATE pn_members SET authenticated_ms = ?, authenticated_running = ? WHERE pn_id = ? AND entity_id = ?';
    sqlite.run(sql, clock.wallMs(), running.nowMs(), fromHex(pnId), entityId);
  }

  suspend(pnId: PnId, sealedKey: Uint8Array): PnRecord {
    this.#found.changed(pnId);
    const sql = "UPDATE pns SET state = 'Suspended', key_epoch = key_epoch + 1, sealed_key = ? WHERE pn_id = ?";
    this.#context.sqlite.run(sql, sealedKey, fromHex(pnId));
    return this.#known(pnId);
  }

  resume(pnId: PnId): PnRecord {
    this.#found.changed(pnId);
    this.#context.sqlite.run("UPDATE pns SET state = 'Established' WHERE pn_id = ?", fromHex(pnId));
    return this.#known(pnId);
  }

  remove(pnId: PnId): void {
    const { sqlite } = this.#context;
    this.#found.changed(pnId);
    this.#held.clear();
    sqlite.run('DELETE FROM outbox WHERE pn_id = ?', fromHex(pnId));
    sqlite.run('DELETE FROM pns WHERE pn_id = ?', fromHex(pnId));
  }

  /** Deletes every PN of which a device of that user is PN GW. */
  removeOf(userId: UserId): void {
    this.#found.clear();
    this.#held.clear();
    this.#context.sqlite.run('DELETE FROM pns WHERE gateway IN (SELECT entity_id FROM devices WHERE user_id = ?)', userId);
  }

  raiseAll(by: number, sealedKeyOf: (pnId: PnId, epoch: number) => Uint8Array): void {
    const { sqlite } = this.#context;
    this.#found.clear();
    for (const pn of this.list()) {
      const epoch = pn.keyEpoch + by;
      sqlite.run(
        'UPDATE pns SET version = version + ?, key_epoch = ?, sealed_key = ? WHERE pn_id = ?',
        by,
        epoch,
        sealedKeyOf(pn.pnId, epoch),
        fromHex(pn.pnId),
      );
    }
  }

  /** Those who are Pending have a place, too. */
  #requireRoomFor(pnId: PnId, added: number): void {
    const { sqlite, limits } = this.#context;
    const sql = 'SELECT count(*) AS count FROM pn_members WHERE pn_id = ?';
    const held = sqlite.get<{ count: number }>(sql, fromHex(pnId))?.count ?? 0;
    if (held + added > limits.membersPerPn)
      throw full('TooManyMembers', `A PN has at most ${limits.membersPerPn} members (limits.membersPerPn).`);
  }

  #put(pnId: PnId, members: readonly NewMember[]): void {
    this.#insert(
      pnId,
      members.map((member) => ({ ...member, state: member.state ?? PneState.Authenticated })),
    );
  }

  #insert(pnId: PnId, members: readonly (Omit<NewMember, 'state'> & { readonly state: PneState })[]): void {
    const { sqlite, clock, running } = this.#context;
    for (const member of members) {
      try {
        sqlite.run(
          `INSERT INTO pn_members (pn_id, entity_id, state, contents, authenticated_ms, authenticated_running)
           VALUES (?, ?, ?, ?, ?, ?)`,
          fromHex(pnId),
          member.entityId,
          member.state,
          member.contents ?? null,
          clock.wallMs(),
          running.nowMs(),
        );
      } catch (error) {
        if (isMissingReference(error)) throw unknownDevice(member.entityId);
        throw error;
      }
    }
  }

  #known(pnId: PnId): PnRecord {
    const pn = this.find(pnId);
    if (pn === undefined) throw new CpnsError('State', 'UnknownPn', `There is no PN ${pnId}.`, { status: Status.UnknownPn });
    return pn;
  }
}

/** A limit that does not pass by itself. */
function full(code: string, message: string): CpnsError {
  return new CpnsError('State', code, message, { status: Status.Busy, retryAfterMs: RETRY_WHEN_FULL_MS });
}

function unknownDevice(entityId: EntityId): CpnsError {
  return new CpnsError('State', 'UnknownDevice', `There is no device "${entityId}".`, { status: Status.UnknownPne });
}

function pnOf(row: PnRow): PnRecord {
  return {
    pnId: toHex(row.pn_id) as PnId,
    gateway: row.gateway,
    initiator: row.initiator,
    state: row.state,
    shareMembers: row.share_members === 1,
    version: row.version,
    keyEpoch: row.key_epoch,
    sealedKey: row.sealed_key,
    createdMs: row.created_ms,
  };
}

function memberOf(row: MemberRow): MemberRecord {
  return {
    pnId: toHex(row.pn_id) as PnId,
    entityId: row.entity_id,
    userId: row.user_id,
    cpnsId: row.cpns_id,
    state: row.state,
    contents: row.contents ?? undefined,
    authenticatedMs: row.authenticated_ms,
  };
}
