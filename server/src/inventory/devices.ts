import { CpnsError, type CpnsId, type EntityId, type UserId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { InventoryContext } from './context.js';
import { ReadCache } from './read-cache.js';
import type { SqlValue } from './sqlite.js';
import type { DeviceRow } from './tables.js';

/** One enrolled device. */
export interface DeviceRecord {
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly state: 'active' | 'revoked';
  /** Allocated at the first registration and never changed (seed 001 1.4). */
  readonly cpnsId: CpnsId | undefined;
  /** Device Capabilities octets as last reported. */
  readonly capabilities: Uint8Array | undefined;
  /** Last sign of life, milliseconds since 1970. Undefined: the device has not been here yet. */
  readonly lastSeenMs: number | undefined;
  /** Last successful Connection setup as PN GW, milliseconds since 1970. */
  readonly authenticatedMs: number | undefined;
}

export interface DeviceReads {
  find(entityId: EntityId): DeviceRecord | undefined;
  /** By entity id; of one user, or of all. */
  list(userId?: UserId): readonly DeviceRecord[];
  /** Those that have authenticated as PN GW and are not revoked, by entity id. */
  gateways(): readonly DeviceRecord[];
  /** Devices of that user that are not revoked. */
  countActive(userId: UserId): number;
}

export interface Devices extends DeviceReads {
  /**
   * Adds a device; a revoked one of the same user is taken in again, under the new key that goes with it.
   * @throws CpnsError State/UnknownUser, State/DuplicateDevice
   */
  add(entityId: EntityId, userId: UserId): DeviceRecord;
  /** @throws CpnsError State/UnknownDevice */
  revoke(entityId: EntityId): void;
  /** Gives a device that is not revoked to another user. @throws CpnsError State/UnknownDevice, State/UnknownUser, State/DeviceRevoked */
  move(entityId: EntityId, userId: UserId): DeviceRecord;
  /**
   * The device proved itself as a PNE, now, with these Device Capabilities octets. Its CPNS ID, drawn when it has none yet.
   * @throws CpnsError State/UnknownDevice
   */
  registered(entityId: EntityId, capabilities: Uint8Array): CpnsId;
  /** The same as a PN GW, by Connection setup. */
  authenticated(entityId: EntityId): CpnsId;
  /** Device Capabilities octets, as the device reports them now. */
  report(entityId: EntityId, capabilities: Uint8Array): void;
  /** A sign of life, now. */
  seen(entityId: EntityId): void;
}

const COLUMNS = 'entity_id, user_id, revoked, cpns_id, capabilities, last_seen_ms, authenticated_ms' as const;
const CPNS_ID_OCTETS = 8;
type Row = Omit<DeviceRow, 'id' | 'added_ms'>;

/** Devices in SQLite. */
export class SqliteDevices implements Devices {
  readonly #context: InventoryContext;
  readonly #found: ReadCache<EntityId, DeviceRecord>;

  constructor(context: InventoryContext) {
    this.#context = context;
    this.#found = new ReadCache(context.sqlite);
  }

  find(entityId: EntityId): DeviceRecord | undefined {
    return this.#found.get(entityId, () => {
      const row = this.#context.sqlite.get<Row>(`SELECT ${COLUMNS} FROM devices WHERE entity_id = ?`, entityId);
      return row && recordOf(row);
    });
  }

  list(userId?: UserId): readonly DeviceRecord[] {
    const { sqlite } = this.#context;
    let query = sqlite.build.selectFrom('devices').selectAll().orderBy('entity_id');
    if (userId !== undefined) query = query.where('user_id', '=', userId);
    return sqlite.select(query).map(recordOf);
  }

  gateways(): readonly DeviceRecord[] {
    const sql = `SELECT ${COLUMNS} FROM devices WHERE authenticated_ms IS NOT NULL AND revoked = 0 ORDER BY entity_id`;
    return this.#context.sqlite.all<Row>(sql).map(recordOf);
  }

  countActive(userId: UserId): number {
    const sql = 'SELECT count(*) AS count FROM devices WHERE user_id = ? AND revoked = 0';
    return this.#context.sqlite.get<{ count: number }>(sql, userId)?.count ?? 0;
  }

  add(entityId: EntityId, userId: UserId): DeviceRecord {
    const { sqlite, clock } = this.#context;
    this.#requireUser(userId);
    const known = this.find(entityId);
    if (known !== undefined && (known.state !== 'revoked' || known.userId !== userId)) {
      throw new CpnsError(
        'State',
        'DuplicateDevice',
        `There is a device "${entityId}" already: choose another name, or revoke that one first.`,
      );
    }
    this.#found.changed(entityId);
    if (known === undefined) {
      sqlite.run('INSERT INTO devices (entity_id, user_id, added_ms) VALUES (?, ?, ?)', entityId, userId, clock.wallMs());
    } else {
      sqlite.run(
        `UPDATE devices SET revoked = 0, capabilities = NULL, last_seen_ms = NULL, authenticated_ms = NULL, added_ms = ?
         WHERE entity_id = ?`,
        clock.wallMs(),
        entityId,
      );
    }
    return this.#known(entityId);
  }

  revoke(entityId: EntityId): void {
    this.#known(entityId);
    this.#found.changed(entityId);
    this.#context.sqlite.run('UPDATE devices SET revoked = 1 WHERE entity_id = ?', entityId);
  }

  move(entityId: EntityId, userId: UserId): DeviceRecord {
    this.#requireUser(userId);
    if (this.#known(entityId).state === 'revoked') {
      const sentence = `Device "${entityId}" is revoked and cannot be given to anybody: add a device with another name.`;
      throw new CpnsError('State', 'DeviceRevoked', sentence);
    }
    this.#found.changed(entityId);
    this.#context.sqlite.run('UPDATE devices SET user_id = ? WHERE entity_id = ?', userId, entityId);
    return this.#known(entityId);
  }

  registered(entityId: EntityId, capabilities: Uint8Array): CpnsId {
    const nowMs = this.#context.clock.wallMs();
    const set = 'capabilities = ?, last_seen_ms = ?, cpns_id = coalesce(cpns_id, ?)';
    return this.#proven(entityId, set, capabilities, nowMs);
  }

  authenticated(entityId: EntityId): CpnsId {
    const nowMs = this.#context.clock.wallMs();
    return this.#proven(entityId, 'last_seen_ms = ?, authenticated_ms = ?, cpns_id = coalesce(cpns_id, ?)', nowMs, nowMs);
  }

  #proven(entityId: EntityId, set: string, ...values: readonly SqlValue[]): CpnsId {
    const { sqlite, entropy } = this.#context;
    this.#found.changed(entityId);
    const drawn = `cpns-${toHex(entropy.bytes(CPNS_ID_OCTETS))}`;
    const sql = `UPDATE devices SET ${set} WHERE entity_id = ? RETURNING cpns_id`;
    const row = sqlite.change<{ cpns_id: CpnsId }>(sql, ...values, drawn, entityId);
    if (row === undefined) throw unknownDevice(entityId);
    return row.cpns_id;
  }

  report(entityId: EntityId, capabilities: Uint8Array): void {
    const { sqlite, clock } = this.#context;
    this.#found.changed(entityId);
    sqlite.run('UPDATE devices SET capabilities = ?, last_seen_ms = ? WHERE entity_id = ?', capabilities, clock.wallMs(), entityId);
  }

  seen(entityId: EntityId): void {
    const { sqlite, clock } = this.#context;
    this.#found.changed(entityId);
    sqlite.run('UPDATE devices SET last_seen_ms = ? WHERE entity_id = ?', clock.wallMs(), entityId);
  }

  /** Deletes every device of that user. */
  removeOf(userId: UserId): void {
    this.#found.clear();
    this.#context.sqlite.run('DELETE FROM devices WHERE user_id = ?', userId);
  }

  #requireUser(userId: UserId): void {
    if (this.#context.sqlite.get('SELECT 1 FROM users WHERE user_id = ?', userId) !== undefined) return;
    throw new CpnsError('State', 'UnknownUser', `There is no user "${userId}": add it with "cpns-server user add ${userId}".`);
  }

  #known(entityId: EntityId): DeviceRecord {
    const device = this.find(entityId);
    if (device === undefined) throw unknownDevice(entityId);
    return device;
  }
}

function unknownDevice(entityId: EntityId): CpnsError {
  return new CpnsError('State', 'UnknownDevice', `There is no device "${entityId}": see "cpns-server device list".`, {
    status: Status.UnknownPne,
  });
}

function recordOf(row: Row): DeviceRecord {
  return {
    entityId: row.entity_id,
    userId: row.user_id,
    state: row.revoked === 1 ? 'revoked' : 'active',
    cpnsId: row.cpns_id ?? undefined,
    capabilities: row.capabilities ?? undefined,
    lastSeenMs: row.last_seen_ms ?? undefined,
    authenticatedMs: row.authenticated_ms ?? undefined,
  };
}
