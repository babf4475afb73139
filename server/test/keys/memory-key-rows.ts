import { CpnsError } from '@cpns/shared';
import type { EuKeyRow, KeyRows, ServerIdentityRow } from '../../src/keys/key-rows.js';

/** Key rows of a test. Counts reads, so that a test can see what is cached. */
export class MemoryKeyRows implements KeyRows {
  readonly rows: EuKeyRow[] = [];
  identity: ServerIdentityRow | undefined;

  euKeyByKid(kid: string): EuKeyRow | undefined {
    return this.rows.find((row) => row.kid === kid);
  }
  activeEuKey(entityId: string): EuKeyRow | undefined {
    return this.rows.find((row) => row.entityId === entityId && row.active);
  }
  addEuKey(row: EuKeyRow): void {
    if (this.euKeyByKid(row.kid) !== undefined) throw new CpnsError('State', 'DuplicateKey', 'That EUKey is known already.');
    if (row.active) this.deactivateEuKeys(row.entityId);
    this.rows.push(row);
  }
  deactivateEuKeys(entityId: string): void {
    for (const [i, row] of this.rows.entries()) if (row.entityId === entityId) this.rows[i] = { ...row, active: false };
  }
  serverIdentity(): ServerIdentityRow | undefined {
    return this.identity;
  }
  putServerIdentity(row: ServerIdentityRow): void {
    if (this.identity !== undefined) throw new CpnsError('State', 'DuplicateKey', 'There is one.');
    this.identity = row;
  }
}
