import type { EntityId, PnId, Reply } from '@cpns/shared';
import { reply } from '@cpns/shared';
import { bodyOf, type Envelope, reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import { PnRole, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { GatewayContext } from './gateway-context.js';

/**
 * A PNE says on a new link session which PNs of this gateway it knows (protocol 0.13). The answer names every PN in which it is listed
 * here, known to it or not, and says UnknownPN of the others: a hint, on which it asks the server. `behind` gets the PNs whose key
 * the PNE has missed.
 */
export function answerReconcile(context: GatewayContext, link: PeerLink, envelope: Envelope, behind: (pnId: PnId) => void): Reply<Hop> {
  const pne = link.peer as EntityId;
  const listed = new Map(
    context.state
      .pns()
      .filter((record) => record.role === PnRole.PnGw && record.members.some((member) => member.entityId === pne && !member.gateway))
      .map((record) => [pnIdText(record.pnId), record]),
  );
  const unknown: PnId[] = [];
  for (const entry of bodyOf(envelope, reconcile).pns) {
    const pnId = pnIdText(entry.pnId);
    const record = listed.get(pnId);
    if (record === undefined) unknown.push(pnId);
    else if (record.pnKeyEpoch > entry.pnKeyEpoch) behind(pnId);
  }
  return reply(reconcileResponse, {
    pns: [
      ...[...listed.values()].map(({ pnId, inventoryVersion, pnKeyEpoch }) => ({
        pnId,
        status: Status.Success,
        inventoryVersion,
        pnKeyEpoch,
      })),
      ...bodyOf(envelope, reconcile)
        .pns.filter((entry) => unknown.includes(pnIdText(entry.pnId)))
        .map(({ pnId }) => ({ pnId, status: Status.UnknownPn, inventoryVersion: 0, pnKeyEpoch: 0 })),
    ],
  });
}
