import type { EntityId, PnId } from '@cpns/shared';
import {
  type BodyOf,
  encodeEnvelope,
  type Inventory,
  PnOperation,
  pneNotificationExpel,
  type pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  Status,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Reads, Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import { leaveGroups } from './groups/removal.js';
import { answer, type Incoming } from './incoming.js';
import { addToPn } from './invite.js';
import { announce, putInventory, putUnknownPn } from './notices.js';
import { graceOf, newPnKey } from './pn-key.js';
import { pagesOf, readWhole, viewOf } from './views.js';

/** PN Update: a PN GW adds PNEs to its PN, or takes them out (seed 003 figure 16, steps 2 to 4). */
export async function updatePn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnUpdateRequest>>): Promise<void> {
  const { body, sender } = incoming;

  // 2. PN GW sends PN Update Request to the CPNS Server
  const pnId = toHex(body.pnId) as PnId;
  if (body.operation === PnOperation.Add) return addToPn(context, incoming);
  const pnes = [...new Set(body.pnes)];
  const forgetPending = ({ pns }: Tx) => {
    for (const pne of pnes) pns.removePending(pnId, pne);
  };
  const membersIn = ({ pns }: Pick<Reads, 'pns'>) => pnes.filter((pne) => pns.member(pnId, pne) !== undefined);
  const { reads } = context.inventory;
  const pn = reads.pns.find(pnId);
  if (pn?.gateway !== sender) return incoming.answer(pnUpdateResponse, { status: Status.UnknownPn, pnId: body.pnId, pnes: [] });
  // A request that changes nothing is not kept, or a PN GW could fill the inbox.
  if (membersIn(reads).length === 0 && pnes.some((pne) => reads.pns.isPending(pnId, pne))) await incoming.change(forgetPending);
  if (membersIn(reads).length === 0) return incoming.answer(pnUpdateResponse, updated(pn, pnes, [], gatewayPages(reads, pn)));
  await incoming.conclude((tx) => {
    // 3. The CPNS Server updates the PN Inventory
    const before = tx.pns.find(pnId);
    if (before === undefined) return answer(pnUpdateResponse, { status: Status.UnknownPn, pnId: body.pnId, pnes: [] });
    const members = membersIn(tx);
    forgetPending(tx);
    const after = removeMembers(context, tx, before, members, {
      reason: body.reason ?? RemoveReason.Expelled,
      tellGateway: false,
      tellRemoved: true,
    });
    const pages = after === undefined ? [] : gatewayPages(tx, after);
    // The answer holds one page; of more, the PN GW gets all by themselves.
    if (after !== undefined && pages.length > 1) putInventory(context, tx, after, sender);

    // 4. The CPNS Server sends PN Update Response to the PN GW
    return answer(pnUpdateResponse, updated(pn, pnes, members, pages));
  });
  context.outbox.flush(sender);
}

/** The PN Inventory as its PN GW gets it. */
export function gatewayPages(reads: Pick<Reads, 'pns' | 'devices'>, pn: PnRecord): readonly Inventory[] {
  return pagesOf(pn, viewOf(readWhole(reads, pn), pn.gateway));
}

function updated(
  { pnId }: PnRecord,
  pnes: readonly EntityId[],
  removed: readonly EntityId[],
  [inventory]: readonly Inventory[],
): BodyOf<typeof pnUpdateResponse> {
  return {
    status: Status.Success,
    pnId: fromHex(pnId),
    pnes: pnes.map((pne) => ({ pne, status: removed.includes(pne) ? Status.Success : Status.NotMember })),
    ...(inventory && { inventory }),
  };
}

export interface RemovalOptions {
  readonly reason: RemoveReason;
  /** The PN GW hears of it by a notice; false when it hears of it by an answer. */
  readonly tellGateway: boolean;
  /** False: whoever is removed asked for it, and the answer tells it. */
  readonly tellRemoved: boolean;
}

/**
 * Takes PNEs out of a PN, within a transaction: new inventory version, new PN key, news for those who stay. The last one takes the PN
 * with it (protocol e.39). Their sessions are closed. Undefined: the PN is gone.
 */
export function removeMembers(
  context: EnablerContext,
  tx: Tx,
  pn: PnRecord,
  pnes: readonly EntityId[],
  { reason, tellGateway, tellRemoved }: RemovalOptions,
): PnRecord | undefined {
  if (pnes.length === 0) return pn;
  const { pnId, gateway } = pn;
  leaveGroups(
    context,
    tx,
    pnes.flatMap((pne) => tx.groups.through(pnId, pne)),
  );
  const after = tx.pns.removeMembers(pnId, pnes, newPnKey(context, pnId, pn.keyEpoch + 1));
  for (const pne of pnes) {
    tx.outbox.removeFor(pne, pnId);
    tx.events.add({ event: 'member-removed', text: `${pne} is no member of the personal network ${pnId} any more.`, entityId: pne, pnId });
  }
  tx.afterCommit(() => {
    context.graces.set(pnId, graceOf(reason));
    for (const pne of pnes) {
      if (tellRemoved) dismiss(context, pnId, pne, reason);
      takeLeave(context, pnId, pne);
    }
  });
  if (tx.pns.members(pnId).length > 0) {
    announce(context, tx, after, { remove: pnes }, tellGateway);
    return after;
  }
  tx.pns.remove(pnId);
  putUnknownPn(context, tx, pnId, gateway);
  tx.events.add({ event: 'pn-removed', text: `The personal network ${pnId} has no member left and was removed.`, entityId: gateway, pnId });
  tx.afterCommit(() => context.graces.delete(pnId));
  return undefined;
}

/** Sealed PNE Notification (Expel). */
function dismiss({ sessions, downlink, entropy }: EnablerContext, pnId: PnId, pne: EntityId, reason: RemoveReason): void {
  const session = sessions.current(pne, pnId);
  if (session === undefined) return;
  const envelope = encodeEnvelope(pneNotificationExpel, entropy.bytes(TRANSACTION_OCTETS), '', { pnId: fromHex(pnId), reason });
  void downlink.send(session, envelope);
}

/** The session of a PNE that is out is received a little longer, so that it can say that it has heard; it may not ask for anything. */
export function takeLeave({ sessions }: EnablerContext, pnId: PnId, pne: EntityId): void {
  for (const session of sessions.of(pne, pnId)) {
    session.leaving = true;
    if (session !== sessions.current(pne, pnId)) sessions.drop(session);
    else sessions.retire(session);
  }
}
