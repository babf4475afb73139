import { type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import { type BodyOf, bodyOf, type Envelope, PneState, reconcile, reconcileResponse, Status } from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import { PnRole, PnState, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { GatewayContext } from './gateway-context.js';
import { forget, hintAllOut } from './membership.js';
import { renewPnKey } from './pn-key.js';
import { settleRelease } from './release.js';

const MAX_ENTRIES = 64;

/**
 * A PNE says on a new link session which PNs of this gateway it knows (protocol 0.13). The answer names every PN in which it is listed
 * here, known to it or not, and says UnknownPN of the others: a hint, on which it asks the server. `behind` gets the PNs whose key
 * the PNE has missed.
 */
export function answerReconcile(context: GatewayContext, link: PeerLink, envelope: Envelope, behind: (pnId: PnId) => void): Reply<Hop> {
  const pne = link.peer as EntityId;
  const named = new Map(bodyOf(envelope, reconcile).pns.map((entry) => [pnIdText(entry.pnId), entry]));
  const listed = context.state
    .pns()
    .filter(({ role, members }) => role === PnRole.PnGw && members.some((member) => member.entityId === pne && !member.gateway))
    .filter(({ pnId }) => !context.removals.has(pnIdText(pnId), pne));
  const entries: BodyOf<typeof reconcileResponse>['pns'][number][] = [];
  for (const { pnId, inventoryVersion, pnKeyEpoch } of listed) {
    const entry = named.get(pnIdText(pnId));
    if (entry !== undefined && pnKeyEpoch > entry.pnKeyEpoch) behind(pnIdText(pnId));
    entries.push({ pnId, status: Status.Success, inventoryVersion, pnKeyEpoch });
    named.delete(pnIdText(pnId));
  }
  for (const { pnId } of named.values()) entries.push({ pnId, status: Status.UnknownPn, inventoryVersion: 0, pnKeyEpoch: 0 });
  return reply(reconcileResponse, { pns: entries.slice(0, MAX_ENTRIES) });
}

/** What the server says of each PN in a comparison. */
export type Comparison = BodyOf<typeof reconcileResponse>['pns'];

/** The gateway's own comparison with the server (seed 002 step 17): every PN it serves. @throws CpnsError Timeout, Transport */
export async function compareWithServer(context: DeviceContext, channel: ServerChannel, signal?: AbortSignal): Promise<Comparison> {
  const served = context.state.pns().filter((record) => record.role === PnRole.PnGw);
  const pns = served.map(({ pnId, inventoryVersion, pnKeyEpoch, state }) => ({
    pnId,
    inventoryVersion,
    pnKeyEpoch,
    state: state === PnState.Established ? PneState.Member : PneState.Suspended,
  }));
  const { body } = await channel.request(reconcile, { pns }, [reconcileResponse], { signal });
  return body.pns;
}

/** The server's record wins: a PN it does not know is over, a newer key is fetched; newer inventories follow by themselves. */
export function settleComparison(context: GatewayContext, comparison: Comparison): void {
  for (const { pnId: octets, status, pnKeyEpoch } of comparison) {
    const pnId = pnIdText(octets);
    const record = context.state.pn(pnId);
    if (record?.role !== PnRole.PnGw) continue;
    if (record.state === PnState.Releasing) context.background('settling a release', () => settleRelease(context, record, status));
    else if (status === Status.UnknownPn)
      context.background('forgetting a PN', async () => hintAllOut(context, pnId, await forget(context, pnId)));
    else if (pnKeyEpoch > record.pnKeyEpoch) context.background('renewing a PN key', () => renewPnKey(context, pnId));
  }
}
