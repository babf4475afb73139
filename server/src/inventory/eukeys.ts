import { CpnsError, type EntityId, type KeyId } from '@cpns/shared';
import type { EuKeyRow, KeyRows, ServerIdentityRow } from '../keys/key-rows.js';
import { ReadCache } from './read-cache.js';
import type { Sqlite } from './sqlite.js';
import { isDuplicate } from './sqlite-errors.js';
import type { EuKeyTableRow, ServerIdentityTableRow } from './tables.js';

const COLUMNS = 'kid, entity_id, sealed, active';

/** Key rows in SQLite, within a transaction that the caller opened. */
export class SqliteKeyRows implements KeyRows {
  readonly #sqlite: Sqlite;
  readonly #byKid: ReadCache<KeyId, EuKeyRow>;
  readonly #active: ReadCache<EntityId, EuKeyRow>;

  constructor(sqlite: Sqlite) {
    this.#sqlite = sqlite;
    this.#byKid = new ReadCache(sqlite);
    this.#active = new ReadCache(sqlite);
  }

  euKeyByKid(kid: KeyId): EuKeyRow | undefined {
    return this.#byKid.get(kid, () => {
      const row = this.#sqlite.get<EuKeyTableRow>(`SELECT ${COLUMNS} FROM eukeys WHERE kid = ?`, kid);
      return row && recordOf(row);
    });
  }

  activeEuKey(entityId: EntityId): EuKeyRow | undefined {
    return this.#active.get(entityId, () => {
      const row = this.#sqlite.get<EuKeyTableRow>(`SELECT ${COLUMNS} FROM eukeys WHERE entity_id = ? AND active = 1`, entityId);
      return row && recordOf(row);
    });
  }

  addEuKey(row: EuKeyRow): void {
    if (row.active) this.deactivateEuKeys(row.entityId);
    this.#byKid.changed(row.kid);
    try {
      this.#sqlite.run(`INSERT INTO eukeys (${COLUMNS}) VALUES (?, ?, ?, ?)`, row.kid, row.entityId, row.sealed, row.active ? 1 : 0);
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      throw new CpnsError('State', 'DuplicateKey', 'That EUKey is known already: draw another one.', { cause: error });
    }
  }

  deactivateEuKeys(entityId: EntityId): void {
    const active = this.activeEuKey(entityId);
    if (active === undefined) return;
    this.#active.changed(entityId);
    this.#byKid.changed(active.kid);
    this.#sqlite.run('UPDATE eukeys SET active = 0 WHERE entity_id = ? AND active = 1', entityId);
  }

  serverIdentity(): ServerIdentityRow | undefined {
    const row = this.#sqlite.get<ServerIdentityTableRow>(
      'SELECT id, server_id, signing_key_id, sealed_seed FROM server_identity WHERE id = 1',
    );
    return row && { serverId: row.server_id, signingKeyId: row.signing_key_id, sealedSeed: row.sealed_seed };
  }

  putServerIdentity(row: ServerIdentityRow): void {
    if (this.serverIdentity() !== undefined) {
      throw new CpnsError('State', 'DuplicateKey', 'This database belongs to a server already.');
    }
    const sql = 'INSERT INTO server_identity (id, server_id, signing_key_id, sealed_seed) VALUES (1, ?, ?, ?)';
    this.#sqlite.run(sql, row.serverId, row.signingKeyId, row.sealedSeed);
  }
}

/** The same outside of any transaction: each write is durable when it returns. */
export function durableKeyRows(sqlite: Sqlite, rows: SqliteKeyRows): KeyRows {
  return {
    euKeyByKid: (kid) => rows.euKeyByKid(kid),
    activeEuKey: (entityId) => rows.activeEuKey(entityId),
    addEuKey: (row) => sqlite.alone(() => rows.addEuKey(row)),
    deactivateEuKeys: (entityId) => sqlite.alone(() => rows.deactivateEuKeys(entityId)),
    serverIdentity: () => rows.serverIdentity(),
    putServerIdentity: (row) => sqlite.alone(() => rows.putServerIdentity(row)),
  };
}

function recordOf(row: EuKeyTableRow): EuKeyRow {
  return { kid: row.kid, entityId: row.entity_id, sealed: row.sealed, active: row.active === 1 };
}
