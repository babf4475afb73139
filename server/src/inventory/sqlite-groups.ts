import { CpnsError, type EntityId, type PnId, type SgId, type UserId } from '@cpns/shared';
import type { SharedObject } from '@cpns/shared/messages';
import { Status } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Selectable } from 'kysely';
import type { InventoryContext } from './context.js';
import { SqliteGroupNodes } from './group-nodes.js';
import type { GroupNodes, Groups, NewSg, NewSgMember, SgMemberRecord, SgRecord } from './groups.js';
import { ReadCache } from './read-cache.js';
import { isDuplicate } from './sqlite-errors.js';
import type { SgMemberRow, SgRow } from './tables.js';

const SG = `id, sg_id, name, owner, owner_user, service_id, open, epoch, version, height, member_count, keyed_ms, created_ms`;
const MEMBER = 'g.sg_id, m.leaf, m.entity_id, m.pn_id, m.gateway, m.joined_ms, m.joined_epoch FROM sg_members m JOIN sgs g ON g.id = m.sg';
const AGED_AT_ONCE = 100;
/** Of an object, with the wall clock and the running time. */
const LASTS = '(until_ms IS NULL OR (until_ms > ? AND until_running > ?))';

type Row = Selectable<SgRow>;
type MemberRow = Omit<SgMemberRow, 'sg'> & Pick<SgRow, 'sg_id'>;
interface ObjectRow {
  readonly object_id: string;
  readonly name: string;
  readonly type: string;
  readonly holder: EntityId;
  /** JSON list of entity ids. */
  readonly members: string | null;
  readonly until_ms: number | null;
}

/** A group with the number of its row, which its other rows name. */
interface Found extends SgRecord {
  readonly id: number;
}

/** SG Inventory in SQLite. */
export class SqliteGroups implements Groups {
  readonly #context: InventoryContext;
  readonly #found: ReadCache<SgId, Found>;

  constructor(context: InventoryContext) {
    this.#context = context;
    this.#found = new ReadCache(context.sqlite);
  }

  find(sgId: SgId): SgRecord | undefined {
    return this.#find(sgId);
  }

  list(): readonly SgRecord[] {
    const { sqlite } = this.#context;
    return sqlite.select(sqlite.build.selectFrom('sgs').selectAll().orderBy('sg_id')).map(recordOf);
  }

  members(sgId: SgId): readonly SgMemberRecord[] {
    return this.#members('WHERE g.sg_id = ? ORDER BY m.leaf', fromHex(sgId));
  }

  firstMembers(sgId: SgId, limit: number): readonly SgMemberRecord[] {
    return this.#members('WHERE g.sg_id = ? ORDER BY m.leaf LIMIT ?', fromHex(sgId), limit);
  }

  member(sgId: SgId, entityId: EntityId): SgMemberRecord | undefined {
    return this.#members('WHERE g.sg_id = ? AND m.entity_id = ?', fromHex(sgId), entityId)[0];
  }

  membersBehind(sgId: SgId, gateway: EntityId): readonly SgMemberRecord[] {
    return this.#members('WHERE g.sg_id = ? AND m.gateway = ? ORDER BY m.leaf', fromHex(sgId), gateway);
  }

  ofMember(entityId: EntityId): readonly SgMemberRecord[] {
    return this.#members('WHERE m.entity_id = ? ORDER BY m.sg', entityId);
  }

  through(pnId: PnId, entityId?: EntityId): readonly SgMemberRecord[] {
    if (entityId !== undefined) return this.ofMember(entityId).filter((member) => member.pnId === pnId);
    return this.#members('WHERE m.pn_id = ? ORDER BY m.sg, m.leaf', fromHex(pnId));
  }

  gateways(sgId: SgId): readonly { readonly gateway: EntityId; readonly members: number }[] {
    const sql = `SELECT gateway, members FROM sg_gateways WHERE sg = (SELECT id FROM sgs WHERE sg_id = ?) AND members > 0 ORDER BY gateway`;
    return this.#context.sqlite.all(sql, fromHex(sgId));
  }

  ofUser(userId: UserId): readonly SgRecord[] {
    const devices = 'SELECT entity_id FROM devices WHERE user_id = ? AND revoked = 0';
    return this.#all(`WHERE id IN (SELECT sg FROM sg_members WHERE entity_id IN (${devices})) ORDER BY sg_id`, userId);
  }

  openOnes(limit: number): readonly SgRecord[] {
    return this.#all('WHERE open = 1 ORDER BY name LIMIT ?', limit);
  }

  isShutOut(sgId: SgId, entityId: EntityId): boolean {
    const sql = 'SELECT 1 FROM sg_expelled WHERE sg = (SELECT id FROM sgs WHERE sg_id = ?) AND entity_id = ?';
    return this.#context.sqlite.get(sql, fromHex(sgId), entityId) !== undefined;
  }

  ownerless(): readonly SgRecord[] {
    return this.#all('WHERE owner IS NULL ORDER BY sg_id');
  }

  keyedOutside(fromMs: number, toMs: number): readonly SgRecord[] {
    return this.#all(`WHERE keyed_ms <= ? OR keyed_ms > ? LIMIT ${AGED_AT_ONCE}`, fromMs, toMs);
  }

  objects(sgId: SgId): readonly SharedObject[] {
    const { sqlite, clock, running } = this.#context;
    const sql = `SELECT object_id, name, type, holder, members, until_ms FROM sg_objects
      WHERE sg = (SELECT id FROM sgs WHERE sg_id = ?) AND ${LASTS} ORDER BY object_id, holder`;
    return sqlite.all<ObjectRow>(sql, fromHex(sgId), clock.wallMs(), running.nowMs()).map(objectOf);
  }

  count(): number {
    return this.#context.sqlite.get<{ count: number }>('SELECT count(*) AS count FROM sgs')?.count ?? 0;
  }

  create(group: NewSg): SgRecord {
    const { sqlite, clock } = this.#context;
    const nowMs = clock.wallMs();
    try {
      sqlite.run(
        'INSERT INTO sgs (sg_id, name, owner, owner_user, service_id, open, epoch, version, height, member_count, keyed_ms, created_ms) VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)',
        fromHex(group.sgId),
        group.name,
        group.owner,
        group.ownerUser,
        group.serviceId ?? null,
        group.open ? 1 : 0,
        nowMs,
        nowMs,
      );
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      throw new CpnsError('State', 'DuplicateSg', 'That SG ID is taken: pick another one.', { status: Status.Duplicate, cause: error });
    }
    for (const object of group.objects) this.putObject(group.sgId, object);
    return this.#known(group.sgId);
  }

  change(
    sgId: SgId,
    { add, remove, epoch }: { readonly add: readonly NewSgMember[]; readonly remove: readonly EntityId[]; readonly epoch: number },
  ): SgRecord {
    const { sqlite, clock } = this.#context;
    const { id } = this.#known(sgId);
    for (const entityId of remove) {
      const left = sqlite.change<{ gateway: EntityId }>(
        'DELETE FROM sg_members WHERE entity_id = ? AND sg = ? RETURNING gateway',
        entityId,
        id,
      );
      if (left === undefined) continue;
      sqlite.run('UPDATE sg_gateways SET members = members - 1 WHERE sg = ? AND gateway = ?', id, left.gateway);
      sqlite.run('UPDATE sgs SET member_count = member_count - 1 WHERE id = ?', id);
      sqlite.run('DELETE FROM sg_objects WHERE sg = ? AND holder = ?', id, entityId);
    }
    for (const { entityId, pnId, gateway, leaf } of add) {
      this.#requireRoom(entityId);
      sqlite.run('DELETE FROM sg_expelled WHERE sg = ? AND entity_id = ?', id, entityId);
      const insert = 'INSERT INTO sg_members (sg, leaf, entity_id, pn_id, gateway, joined_ms, joined_epoch) VALUES (?, ?, ?, ?, ?, ?, ?)';
      sqlite.run(insert, id, leaf, entityId, pnId === undefined ? null : fromHex(pnId), gateway, clock.wallMs(), epoch);
      const count = 'INSERT INTO sg_gateways (sg, gateway, members) VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET members = members + 1';
      sqlite.run(count, id, gateway);
      sqlite.run('UPDATE sgs SET member_count = member_count + 1 WHERE id = ?', id);
    }
    this.#write(sgId, 'version = version + 1, epoch = ?, keyed_ms = ?', epoch, clock.wallMs());
    const changed = this.#known(sgId);
    if (changed.memberCount > this.#context.limits.membersPerGroup) {
      throw full(
        'TooManySgMembers',
        `A service group has at most ${this.#context.limits.membersPerGroup} members (limits.membersPerGroup).`,
      );
    }
    return changed;
  }

  shutOut(sgId: SgId, entityIds: readonly EntityId[]): void {
    const { id } = this.#known(sgId);
    for (const entityId of entityIds) this.#context.sqlite.run('INSERT INTO sg_expelled (sg, entity_id) VALUES (?, ?)', id, entityId);
  }

  rekeyed(sgId: SgId, epoch: number): SgRecord {
    this.#write(sgId, 'epoch = ?, keyed_ms = ?', epoch, this.#context.clock.wallMs());
    return this.#known(sgId);
  }

  setOwner(sgId: SgId, owner: EntityId | undefined): SgRecord {
    const user = '(SELECT user_id FROM devices WHERE entity_id = ?)';
    this.#write(sgId, `version = version + 1, owner = ?, owner_user = coalesce(${user}, owner_user)`, owner ?? null, owner ?? null);
    return this.#known(sgId);
  }

  putObject(sgId: SgId, { id: objectId, name, type, holder, members, untilMs }: SharedObject): void {
    const { sqlite, clock, running } = this.#context;
    const { id } = this.#known(sgId);
    const [wallMs, runningMs] = [clock.wallMs(), running.nowMs()];
    sqlite.run(`DELETE FROM sg_objects WHERE sg = ? AND NOT ${LASTS}`, id, wallMs, runningMs);
    sqlite.run(
      'INSERT OR REPLACE INTO sg_objects (sg, object_id, holder, name, type, members, until_ms, until_running) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      objectId,
      holder,
      name,
      type,
      members === undefined ? null : JSON.stringify(members),
      untilMs ?? null,
      untilMs === undefined ? null : runningMs + (untilMs - wallMs),
    );
  }

  removeObject(sgId: SgId, { id: objectId, holder }: Pick<SharedObject, 'id' | 'holder'>): void {
    const { id } = this.#known(sgId);
    this.#context.sqlite.run('DELETE FROM sg_objects WHERE sg = ? AND object_id = ? AND holder = ?', id, objectId, holder);
  }

  remove(sgId: SgId): void {
    this.#found.changed(sgId);
    this.#context.sqlite.run('DELETE FROM sgs WHERE sg_id = ?', fromHex(sgId));
  }

  nodes(sgId: SgId): GroupNodes {
    const { id, height } = this.#known(sgId);
    return new SqliteGroupNodes(this.#context.sqlite, id, height, (raised) => this.#write(sgId, 'height = ?', raised));
  }

  raiseAll(by: number, nodesBy: number): void {
    this.#found.clear();
    this.#context.sqlite.run('UPDATE sgs SET epoch = epoch + ?, version = version + ?', by, by);
    this.#context.sqlite.run('UPDATE sg_nodes SET version = version + ?', nodesBy);
  }

  #find(sgId: SgId): Found | undefined {
    return this.#found.get(sgId, () => {
      const row = this.#context.sqlite.get<Row>(`SELECT ${SG} FROM sgs WHERE sg_id = ?`, fromHex(sgId));
      return row && recordOf(row);
    });
  }

  #known(sgId: SgId): Found {
    const group = this.#find(sgId);
    if (group === undefined) throw new CpnsError('State', 'UnknownSg', `There is no service group ${sgId}.`, { status: Status.UnknownSg });
    return group;
  }

  #all(where: string, ...values: readonly (string | number)[]): readonly SgRecord[] {
    return this.#context.sqlite.all<Row>(`SELECT ${SG} FROM sgs ${where}`, ...values).map(recordOf);
  }

  #members(where: string, ...values: readonly (string | number | Uint8Array)[]): readonly SgMemberRecord[] {
    return this.#context.sqlite.all<MemberRow>(`SELECT ${MEMBER} ${where}`, ...values).map(memberOf);
  }

  #write(sgId: SgId, set: string, ...values: readonly (string | number | null)[]): void {
    this.#found.changed(sgId);
    this.#context.sqlite.run(`UPDATE sgs SET ${set} WHERE sg_id = ?`, ...values, fromHex(sgId));
  }

  #requireRoom(entityId: EntityId): void {
    const { sqlite, limits } = this.#context;
    const held = sqlite.get<{ count: number }>('SELECT count(*) AS count FROM sg_members WHERE entity_id = ?', entityId)?.count ?? 0;
    if (held < limits.groupsPerDevice) return;
    throw full('TooManySgs', `${entityId} is in ${held} service groups, which is as many as a device may be in (limits.groupsPerDevice).`);
  }
}

/** A limit that does not pass by itself. */
function full(code: string, message: string): CpnsError {
  return new CpnsError('State', code, message, { status: Status.Busy, retryAfterMs: 600_000 });
}

function recordOf(row: Row): Found {
  return {
    id: row.id,
    sgId: toHex(row.sg_id) as SgId,
    name: row.name,
    owner: row.owner ?? undefined,
    ownerUser: row.owner_user,
    serviceId: row.service_id ?? undefined,
    open: row.open === 1,
    epoch: row.epoch,
    version: row.version,
    height: row.height,
    memberCount: row.member_count,
    keyedMs: row.keyed_ms,
    createdMs: row.created_ms,
  };
}

function memberOf(row: MemberRow): SgMemberRecord {
  return {
    sgId: toHex(row.sg_id) as SgId,
    entityId: row.entity_id,
    pnId: row.pn_id === null ? undefined : (toHex(row.pn_id) as PnId),
    gateway: row.gateway,
    leaf: row.leaf,
    joinedMs: row.joined_ms,
    joinedEpoch: row.joined_epoch,
  };
}

function objectOf(row: ObjectRow): SharedObject {
  return {
    id: row.object_id,
    name: row.name,
    type: row.type,
    holder: row.holder,
    ...(row.members !== null && { members: JSON.parse(row.members) as EntityId[] }),
    ...(row.until_ms !== null && { untilMs: row.until_ms }),
  };
}
