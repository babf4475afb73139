import { CpnsError, describeError, type EntityId, type PnId } from '@cpns/shared';
import { type Inventory, PnOperation, pnUpdateRequest, pnUpdateResponse, RemoveReason, Status } from '@cpns/shared/messages';
import { type Changes, DeviceState, PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { GatewayContext } from './gateway-context.js';
import { renewPnKey } from './pn-key.js';
import type { Reason } from './removals.js';

/** PNEs in one PN Update, at most. */
const MAX_PNES_PER_UPDATE = 32;

/**
 * PN Update (remove): the members are out here at once, and at the server as soon as it answers, now or when it is back; those who stay
 * get a new PN key (protocol e.9, e.12; security 6.5). Never rejects.
 */
export async function removeFromPn(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[], reason: Reason): Promise<void> {
  context.removals.add(pnId, pnes, reason);
  for (const pne of pnes) context.linkTo(pne)?.removePan(pnId);
  await carryOutRemovals(context, pnId);
}

/** Asks the server for the removals that are due in one PN. Never rejects: what it does not answer stays due. */
export function carryOutRemovals(context: GatewayContext, pnId: PnId): Promise<void> {
  return context.removals.turns.run(pnId, async () => {
    try {
      while (context.removals.concerns(pnId)) await updateServer(context, pnId);
    } catch (error) {
      context.logger.notice('a removal has to wait for the server', { pn: pnId, why: describeError(error) });
    }
  });
}

async function updateServer(context: GatewayContext, pnId: PnId): Promise<void> {
  const due = [...context.removals.of(pnId)];
  const reason = due[0]?.[1] ?? RemoveReason.Expelled;
  const alike = due.filter(([, other]) => other === reason).map(([pne]) => pne);
  const pnes = alike.slice(0, MAX_PNES_PER_UPDATE);
  const { body } = await context
    .server()
    .request(pnUpdateRequest, { pnId: pnIdOctets(pnId), operation: PnOperation.Remove, pnes, reason }, [pnUpdateResponse]);
  context.removals.done(pnId, pnes);
  if (body.inventory !== undefined) await takeInventory(context, body.inventory);
  // Without a member left the PN is gone, as it is when the server never had it.
  else await forget(context, pnId);
}

/** Members that this device is not paired with any more are taken out: the unpairing may have been forgotten by a power cut. */
export function removeUnpaired(context: GatewayContext): void {
  const pairings = context.state.pairings();
  for (const { pnId, role, members } of context.state.pns()) {
    const gone = members.filter((member) => !member.gateway && !pairings.has(member.entityId)).map((member) => member.entityId);
    if (role === PnRole.PnGw && gone.length > 0) void removeFromPn(context, pnIdText(pnId), gone, RemoveReason.Expelled);
  }
}

/**
 * The server's record wins: takes an inventory over and drops what left; a newer PN key is fetched (protocol 0.13). `pnKeyEpoch`
 * undefined: not known. @throws CpnsError State/PnBusy: that PN is being made or undone at this moment; State/DiskFull
 */
export async function takeInventory(context: GatewayContext, inventory: Inventory, pnKeyEpoch?: number): Promise<void> {
  const pnId = pnIdText(inventory.pnId);
  const { state, copies } = context;
  if (context.forming.has(pnId) || (state.pn(pnId) === undefined && context.removals.concerns(pnId)))
    throw new CpnsError('State', 'PnBusy', 'That personal network is being made or undone.', { status: Status.Busy });
  const news = await context.settling.run(pnId, async () => {
    const before = state.pn(pnId);
    const result = copies.take(before, inventory);
    if (result.kind !== 'changed') return result;
    if (result.record.role !== PnRole.PnGw)
      throw new CpnsError('Auth', 'WrongGateway', 'The server sent the inventory of another PN GW.', { status: Status.BadMessage });
    const stays = new Set(result.record.members.map((member) => member.entityId));
    const gone = before?.members.map((member) => member.entityId).filter((id) => !stays.has(id)) ?? [];
    const changes: Changes = new Map();
    DeviceState.setPn(changes, result.record);
    for (const id of gone) DeviceState.setLocalEuKey(changes, pnId, id, undefined);
    await state.commit(changes);
    for (const id of gone) context.linkTo(id)?.removePan(pnId);
    context.removals.done(pnId, gone);
    return result;
  });
  if (news.kind === 'gap') context.compare();
  const epoch = state.pn(pnId)?.pnKeyEpoch ?? 0;
  if (news.kind === 'changed' && (pnKeyEpoch ?? epoch + 1) > epoch)
    context.background('renewing a PN key', () => renewPnKey(context, pnId));
}

/** The server does not know the PN any more: it is over here too. */
export function forget(context: GatewayContext, pnId: PnId): Promise<void> {
  return context.settling.run(pnId, async () => {
    const record = context.state.pn(pnId);
    if (record === undefined) return;
    const changes: Changes = new Map();
    context.state.forgetPn(changes, pnId);
    await context.state.commit(changes);
    context.removals.done(pnId, [...context.removals.of(pnId).keys()]);
    for (const member of record.members) context.linkTo(member.entityId)?.removePan(pnId);
    context.happened({ type: 'pn', pnId, state: 'Absent', text: `Personal network ${pnId} does not exist any more.` });
  });
}
