import type { EntityId, PnId } from '@cpns/shared';
import { type Inventory, PnOperation, pnUpdateRequest, pnUpdateResponse, type RemoveReason, Status } from '@cpns/shared/messages';
import { type Changes, DeviceState, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { applyInventory } from '../entity/inventory-copy.js';
import type { GatewayContext } from './gateway-context.js';
import { renewPnKey } from './pn-key.js';

/**
 * PN Update (remove): the members are out here at once and at the server when it answers; those who stay get a new PN key (protocol
 * e.9, e.12; security 6.5).
 */
export async function removeFromPn(
  context: GatewayContext,
  pnId: PnId,
  pnes: readonly EntityId[],
  reason: (typeof RemoveReason)[keyof typeof RemoveReason],
): Promise<void> {
  for (const pne of pnes) context.linkTo(pne)?.removePan(pnId);
  const { body } = await context
    .server()
    .request(pnUpdateRequest, { pnId: pnIdOctets(pnId), operation: PnOperation.Remove, pnes, reason }, [pnUpdateResponse]);
  if (body.inventory !== undefined) await takeInventory(context, body.inventory);
  else if (body.status === Status.UnknownPn) await forget(context, pnId);
}

/** The server's record wins: takes an inventory over, drops what left, and fetches the new PN key (protocol 0.13). */
export async function takeInventory(context: GatewayContext, inventory: Inventory): Promise<void> {
  const pnId = pnIdText(inventory.pnId);
  const before = context.state.pn(pnId);
  const after = applyInventory(before, inventory, context.identity.id);
  if (after === undefined || after === before) return;
  const changes: Changes = new Map();
  DeviceState.setPn(changes, after);
  const stays = new Set(after.members.map((member) => member.entityId));
  const gone = before?.members.filter((member) => !member.gateway && !stays.has(member.entityId)) ?? [];
  for (const member of gone) DeviceState.setLocalEuKey(changes, pnId, member.entityId, undefined);
  await context.state.commit(changes);
  for (const member of gone) context.linkTo(member.entityId)?.removePan(pnId);
  await renewPnKey(context, pnId);
}

/** The server does not know the PN any more: it is over here too. */
export async function forget(context: GatewayContext, pnId: PnId): Promise<void> {
  const record = context.state.pn(pnId);
  if (record === undefined) return;
  const changes: Changes = new Map();
  context.state.forgetPn(changes, pnId);
  await context.state.commit(changes);
  for (const member of record.members) context.linkTo(member.entityId)?.removePan(pnId);
  context.happened({ type: 'pn', pnId, state: 'Absent', text: `Personal network ${pnId} does not exist any more.` });
}
