import type { EntityId, PnId } from '@cpns/shared';
import { type BodyOf, type Inventory, type pneRequest, pneResponse, RemoveReason, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { PnRecord } from '../inventory/pn-inventory.js';
import type { EnablerContext } from './context.js';
import { answer, type Incoming } from './incoming.js';
import { gatewayPages, removeMembers } from './membership.js';
import { putInventory } from './notices.js';

/** A PNE leaves a PN (seed 003 figure 15). It asks by way of its PN GW, or in its own session for that PN. */
export async function leavePn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pneRequest>>): Promise<void> {
  const { inventory, outbox } = context;
  const { pnId: octets, pne } = incoming.body;
  const pnId = toHex(octets) as PnId;
  const response = (status: Status, [page]: readonly Inventory[] = []) => ({ status, pnId: octets, ...(page && { inventory: page }) });

  // 2. The PN GW sends PNE request (Leave) to the CPNS Server
  const pn = inventory.reads.pns.find(pnId);
  if (pn === undefined || !speaksFor(incoming, pn, pne)) return incoming.answer(pneResponse, response(Status.UnknownPn));
  if (inventory.reads.pns.member(pnId, pne) === undefined) return incoming.answer(pneResponse, response(Status.NotMember));
  await incoming.conclude((tx) => {
    // 3. The CPNS Server updates the PN Inventory
    const before = tx.pns.find(pnId);
    if (before === undefined) return answer(pneResponse, response(Status.UnknownPn));
    if (tx.pns.member(pnId, pne) === undefined) return answer(pneResponse, response(Status.NotMember));
    const carried = incoming.session?.own ?? false;
    const after = removeMembers(context, tx, before, [pne], { reason: RemoveReason.Left, tellGateway: !carried, tellRemoved: false });
    const pages = after === undefined || !carried ? [] : gatewayPages(tx, after);
    if (after !== undefined && pages.length > 1) putInventory(context, tx, after, after.gateway);

    // 4. The CPNS Server sends PNE response (Leave) to the PN GW
    return answer(pneResponse, response(Status.Success, pages));
  });
  outbox.flush(pn.gateway);
}

/** The PN GW speaks for its PNEs, and each PNE for itself in its session for that PN. */
function speaksFor({ session, sender }: Incoming<unknown>, pn: PnRecord, pne: EntityId): boolean {
  return session?.own ? pn.gateway === sender : session?.pnId === pn.pnId && sender === pne;
}
