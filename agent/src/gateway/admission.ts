import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import { type Inventory, pnMembershipRequest, pnMembershipResponse, RemoveReason, SetupType, Status } from '@cpns/shared/messages';
import { type PnRecord, PnRole, PnState, pnIdOctets } from '../entity/device-state.js';
import type { GatewayContext } from './gateway-context.js';
import { removeFromPn, takeInventory } from './membership.js';
import { handOutPnKey } from './pn-key.js';

/** The PN of this gateway, open for newcomers. @throws CpnsError State/UnknownPn, State/PnNotOpen (WrongState) */
export function requireOpenPn(context: GatewayContext, pnId: PnId): PnRecord {
  const record = context.state.pn(pnId);
  if (record?.role !== PnRole.PnGw)
    throw new CpnsError('State', 'UnknownPn', `This device is not the PN GW of a personal network ${pnId}.`, { status: Status.UnknownPn });
  if (record.state !== PnState.Established)
    throw new CpnsError('State', 'PnNotOpen', `The personal network ${pnId} takes nobody in at this moment.`, {
      status: Status.WrongState,
    });
  return record;
}

/** What the server says of those who would come, and which of them the owner of this device let in. */
export interface Permission {
  readonly allowed: readonly EntityId[];
  /** There was a guest, and the owner of this device said yes. */
  readonly ownerAgrees: boolean;
}

/**
 * Who may come into a PN of this gateway (protocol 0.15): the server tells who is known to it and whose device each is; of a guest that
 * the gateway did not invite itself, the owner of this device decides, by a person or a rule.
 * @throws CpnsError Timeout, Transport, State/Refused, State/TooManyPrompts
 */
export async function askWhoMayCome(
  context: GatewayContext,
  pnId: PnId,
  pnes: readonly EntityId[],
  options: { readonly initiator: EntityId; readonly invited: boolean; readonly signal: AbortSignal },
): Promise<Permission> {
  const { initiator, invited, signal } = options;
  const request = { pnId: pnIdOctets(pnId), initiator, setupType: SetupType.Named, candidates: [...pnes] };
  const { body } = await context.server().request(pnMembershipRequest, request, [pnMembershipResponse], { signal });
  const guests = new Set(body.guests);
  const known = pnes.filter((pne) => body.allowed.includes(pne));
  if (invited || !known.some((pne) => guests.has(pne))) return { allowed: known, ownerAgrees: false };
  const gateway = context.identity.id;
  const answers = await Promise.all(
    known.map(async (pne) => !guests.has(pne) || (await context.desk.ask({ kind: 'admit', pnId, gateway, pne }, signal))),
  );
  const allowed = known.filter((_pne, index) => answers[index]);
  return { allowed, ownerAgrees: allowed.some((pne) => guests.has(pne)) };
}

/** @throws CpnsError State/BeingRemoved (Busy), Auth/NotAllowed (NotAuthorized), and as {@link askWhoMayCome} */
export async function requireMayCome(context: GatewayContext, pnId: PnId, pne: EntityId, signal: AbortSignal): Promise<Permission> {
  if (context.removals.of(pnId).has(pne))
    throw new CpnsError('State', 'BeingRemoved', `${pne} is being removed from that personal network.`, { status: Status.Busy });
  const permission = await askWhoMayCome(context, pnId, [pne], { initiator: pne, invited: false, signal });
  if (permission.allowed.includes(pne)) return permission;
  throw new CpnsError('Auth', 'NotAllowed', `${pne} may not come into this personal network.`, { status: Status.NotAuthorized });
}

/**
 * The server let these PNEs in: they, and the LocalEUKeys of their runs, become part of the PN here in one commit, before any of them
 * is told. Who is there gets the new PN key, newcomers as soon as they have verified the server.
 * @throws CpnsError State/UnknownPn: the PN is over here; State/DiskFull
 */
export async function takeAdmission(
  context: GatewayContext,
  pnId: PnId,
  admitted: readonly EntityId[],
  inventory: Inventory | undefined,
): Promise<void> {
  const before = context.state.pn(pnId);
  if (inventory === undefined || before?.role !== PnRole.PnGw)
    throw new CpnsError('State', 'UnknownPn', `The personal network ${pnId} is over.`, { status: Status.UnknownPn });
  try {
    await takeInventory(context, inventory, undefined, admitted);
  } catch (error) {
    // Who cannot be kept here is not to wait at the server until that gives it up.
    void removeFromPn(context, pnId, admitted, RemoveReason.Unreachable);
    throw error;
  }
  if (context.state.pn(pnId)?.inventoryVersion !== before.inventoryVersion) return;
  // A member that came in once more: there is no new key, and it may have lost the one that there is.
  for (const pne of admitted) context.background('handing out a PN key', () => handOutPnKey(context, pnId, pne, 0));
}

/** Erases what a run left behind, once its last message has gone: keys that were not kept, and the PAN session of who is no member. */
export function endRun(context: GatewayContext, pnId: PnId, pnes: readonly EntityId[]): void {
  for (const pne of pnes) context.keys.discard(pnId, pne);
  context.clock.after(0, () => {
    for (const pne of pnes) if (!isMember(context, pnId, pne)) context.endPans(pne, pnId);
  });
}

export function isMember(context: GatewayContext, pnId: PnId, pne: EntityId): boolean {
  return context.state.pn(pnId)?.members.some((member) => member.entityId === pne && !member.gateway) ?? false;
}
