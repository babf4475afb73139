import type { EntityId, SgId } from '@cpns/shared';
import type { Tx } from '../../inventory/database.js';
import type { SgMemberRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { changeGroup } from './change.js';

/**
 * Who leaves a PN, or is removed from it, leaves every group reached through it (protocol e.40), within the same transaction. The rekey is
 * that of an expulsion: what the device holds is worth nothing from now on.
 */
export function leaveGroups(context: EnablerContext, tx: Tx, memberships: readonly SgMemberRecord[]): void {
  const leaving = new Map<SgId, EntityId[]>();
  for (const { sgId, entityId } of memberships) leaving.set(sgId, [...(leaving.get(sgId) ?? []), entityId]);
  for (const [sgId, remove] of leaving) {
    const group = tx.groups.find(sgId);
    if (group !== undefined) changeGroup(context, tx, group, { add: [], remove, reason: 'expelled' });
  }
}
