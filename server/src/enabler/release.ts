import type { EntityId, PnId } from '@cpns/shared';
import {
  type BodyOf,
  encodeEnvelope,
  pnReleaseNotification,
  type pnReleaseRequest,
  pnReleaseResponse,
  Status,
} from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Reads, Tx } from '../inventory/database.js';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { TRANSACTION_OCTETS } from './downlink.js';
import { leaveGroups } from './groups/removal.js';
import { answer, type Incoming } from './incoming.js';
import { takeLeave } from './membership.js';
import { putUnknownPn } from './notices.js';
import { refuse } from './refusals.js';

/** PN Release (seed 003 figure 18, steps 1 and 2; figure 19, steps 2 to 4): the PN GW tells the members afterwards. */
export async function releasePn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnReleaseRequest>>): Promise<void> {
  const { body, sender } = incoming;

  // PN GW sends PN Release Request to CPNS Server
  const pnId = toHex(body.pnId) as PnId;
  const { reads } = context.inventory;
  const pn = reads.pns.find(pnId);
  if (pn?.gateway !== sender) return incoming.answer(pnReleaseResponse, { status: Status.UnknownPn, pnId: body.pnId });
  if (!mayRelease(reads, pn, body.initiator)) return incoming.answer(pnReleaseResponse, { status: Status.NotAuthorized, pnId: body.pnId });

  // CPNS Server deletes the PN Inventory and then sends PN Release Response to PN GW
  await incoming.conclude((tx) => {
    const before = tx.pns.find(pnId);
    if (before !== undefined) {
      if (!mayRelease(tx, before, body.initiator)) return answer(pnReleaseResponse, { status: Status.NotAuthorized, pnId: body.pnId });
      removePn(context, tx, before, `The personal network ${pnId} was released by ${body.initiator}.`, () => {});
    }
    return answer(pnReleaseResponse, { status: before === undefined ? Status.UnknownPn : Status.Success, pnId: body.pnId });
  });
}

/** The gateway's user at any device in the PN, and whoever initiated it; a guest has no more rights than that (protocol 0.15). */
export function mayRelease({ pns, devices }: Pick<Reads, 'pns' | 'devices'>, pn: PnRecord, initiator: EntityId): boolean {
  if (initiator === pn.gateway) return true;
  const member = pns.member(pn.pnId, initiator);
  if (member === undefined || devices.find(initiator)?.state !== 'active') return false;
  return initiator === pn.initiator || member.userId === devices.find(pn.gateway)?.userId;
}

/** The operator removes a PN: everybody is told, sealed. @throws CpnsError State/UnknownPn */
export async function removePnByOperator(context: EnablerContext, pnId: PnId): Promise<void> {
  const { inventory, sessions, downlink, entropy } = context;
  await inventory.transact((tx) => {
    const pn = tx.pns.find(pnId);
    if (pn === undefined) throw refuse(Status.UnknownPn, 'UnknownPn', `There is no personal network ${pnId}.`);
    removePn(context, tx, pn, `The personal network ${pnId} was removed by the operator.`, (pne) => {
      const session = sessions.current(pne, pnId);
      if (session === undefined) return;
      void downlink.send(session, encodeEnvelope(pnReleaseNotification, entropy.bytes(TRANSACTION_OCTETS), '', { pnId: fromHex(pnId) }));
    });
    putUnknownPn(context, tx, pnId, pn.gateway);
  });
}

/** Deletes a PN within a transaction; its sessions end, and `tell` is called for each member before they do. */
function removePn(context: EnablerContext, tx: Tx, pn: PnRecord, text: string, tell: (pne: EntityId) => void): void {
  const { pnId, gateway } = pn;
  const pnes = tx.pns.members(pnId).map(({ entityId }) => entityId);
  leaveGroups(context, tx, tx.groups.through(pnId));
  tx.pns.remove(pnId);
  tx.events.add({ event: 'pn-removed', text, entityId: gateway, pnId });
  tx.afterCommit(() => {
    context.graces.delete(pnId);
    for (const pne of pnes) {
      tell(pne);
      takeLeave(context, pnId, pne);
    }
  });
}
