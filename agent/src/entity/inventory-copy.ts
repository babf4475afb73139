import { CpnsError, type EntityId } from '@cpns/shared';
import type { Inventory, Member } from '@cpns/shared/messages';
import { type PnRecord, PnRole, PnState } from './device-state.js';

/**
 * The local PN Inventory after `inventory` arrived in the SK channel: page 0 replaces the members, further pages of the same version
 * add to them, a delta that follows on the own version changes them. Undefined: a delta is missing, ask for the whole. The same record
 * when the news is old (never back to a lower version, security T11).
 * @throws CpnsError Auth/WrongGateway when the server names another PN GW than the one this device knows
 */
export function applyInventory(record: PnRecord | undefined, inventory: Inventory, self: EntityId): PnRecord | undefined {
  const known = record?.inventoryVersion ?? 0;
  if (record !== undefined && inventory.gateway !== record.gateway) {
    throw new CpnsError('Auth', 'WrongGateway', 'The server names another PN GW for a personal network than the one that is known here.');
  }
  const base: PnRecord = record ?? {
    pnId: inventory.pnId,
    role: inventory.gateway === self ? PnRole.PnGw : PnRole.Pne,
    state: PnState.Established,
    gateway: inventory.gateway,
    inventoryVersion: 0,
    members: [],
    pnKeyEpoch: 0,
  };
  if (inventory.since !== undefined) {
    if (inventory.version <= known && record !== undefined) return record;
    if (inventory.since !== known) return undefined;
    return { ...base, inventoryVersion: inventory.version, members: merge(base.members, inventory) };
  }
  if (inventory.i === 0) {
    if (inventory.version < known) return base;
    return { ...base, inventoryVersion: inventory.version, members: [...inventory.add] };
  }
  return inventory.version === known ? { ...base, members: merge(base.members, inventory) } : base;
}

function merge(members: readonly Member[], { add, remove }: Inventory): Member[] {
  const byId = new Map(members.map((member) => [member.entityId, member]));
  for (const member of add) byId.set(member.entityId, member);
  for (const id of remove) byId.delete(id);
  return [...byId.values()];
}
