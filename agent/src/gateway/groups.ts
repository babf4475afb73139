import { CpnsError, type EntityId, type PnId, type SgId } from '@cpns/shared';
import { type BodyOf, bodyOf, type Envelope, groupKeyDelivery, type LocalGroupMember, sgData } from '@cpns/shared/messages';
import { concernsLeaf, parseMessage, parseRekeyPart } from '@cpns/shared/security';
import { PnState, pnIdText, sgIdText } from '../entity/device-state.js';
import type { GroupsOfRole } from '../entity/groups/groups.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { GatewayContext } from './gateway-context.js';
import type { Delivered } from './group-deliveries.js';
import type { GroupRoute } from './group-routes.js';
import { routeOf } from './routing-table.js';

/**
 * A part of a rekey, to every member behind this PN GW that has a node in it. The PN GW sees which nodes change, and nothing of their
 * keys; whether the part is the server's only the members check.
 */
export function relayRekey(context: GatewayContext, own: GroupsOfRole, body: BodyOf<typeof groupKeyDelivery>): void {
  const part = parseRekeyPart(body.part);
  const route = context.groupRoutes.get(sgIdText(part.sgId));
  for (const member of route?.members ?? []) {
    if (!concernsLeaf(part, member.leaf)) continue;
    const pnId = member.pnId && pnIdText(member.pnId);
    if (pnId === undefined) own.rekey(undefined, body);
    else panOf(context, pnId, member.entity)?.exchange.notify(groupKeyDelivery, body, { kind: 'pan', pnId });
  }
}

/**
 * A message of a member behind this PN GW: to the other members here at once, also while the server is away, and once to the server for
 * those behind other PN GWs and those who are away. Who sends it is who the session says (security 1.8, insiders).
 * @throws CpnsError Auth/WrongSender, State/UnknownPn, State/NotMember
 */
export function relayFromMember(
  context: GatewayContext,
  own: GroupsOfRole,
  { peer }: PeerLink,
  { pnId }: Hop & { readonly kind: 'pan' },
  body: BodyOf<typeof sgData>,
): void {
  const { header } = parseMessage(body.message);
  if (body.from !== peer || header.idSender !== peer)
    throw new CpnsError('Auth', 'WrongSender', `${peer} sent data in the name of ${body.from === peer ? header.idSender : body.from}.`);
  if (routeOf(context, pnId, peer).state !== PnState.Established) return;
  const sgId = sgIdText(body.sgId);
  const route = context.groupRoutes.get(sgId);
  if (route === undefined || !route.members.some((member) => isSeat(member, peer, pnId))) throw notMember(peer, sgId);
  if (!context.groupDeliveries.publish(body, deliver(context, own, route, body)))
    context.logger.info('a message of a service group stays behind this PN GW', { group: sgId, from: peer });
}

/** A message of this device itself. False: neither members here nor the server can have it now. */
export function sendOwn(context: GatewayContext, body: BodyOf<typeof sgData>): boolean {
  const { groupDeliveries, groupRoutes } = context;
  const route = groupRoutes.get(sgIdText(body.sgId));
  const delivered = route === undefined ? { reached: [], missing: [] } : deliver(context, undefined, route, body);
  // What nobody here has got the sender keeps itself, until the server is back.
  if (delivered.reached.length === 0) return groupDeliveries.publishNow(body, delivered);
  groupDeliveries.publish(body, delivered);
  return true;
}

/**
 * A message of a member behind another PN GW; the server has checked its sender, and is told who could not be given it. A PN GW without a
 * copy of that group says nothing.
 */
export function relayFromServer(context: GatewayContext, own: GroupsOfRole, channel: ServerChannel, envelope: Envelope): void {
  const body = bodyOf(envelope, sgData);
  const route = context.groupRoutes.get(sgIdText(body.sgId));
  if (route !== undefined) context.groupDeliveries.answer(channel, envelope.transaction, deliver(context, own, route, body));
}

/** To every member here but the sender. */
function deliver(context: GatewayContext, own: GroupsOfRole | undefined, { members }: GroupRoute, body: BodyOf<typeof sgData>): Delivered {
  const { sgId, from, message } = body;
  const reached: EntityId[] = [];
  const missing: EntityId[] = [];
  for (const { entity, pnId: octets } of members) {
    if (entity === from) continue;
    const pnId = octets && pnIdText(octets);
    const link = pnId && panOf(context, pnId, entity);
    if (pnId === undefined) own?.data(undefined, body);
    else if (link === undefined) missing.push(entity);
    else {
      link.exchange.notify(sgData, { sgId, from, message }, { kind: 'pan', pnId });
      reached.push(entity);
    }
  }
  return { reached, missing };
}

/** The link to a member, while it is in that PN and the PN stands: whatever the copy of the SG Inventory says. */
function panOf(context: GatewayContext, pnId: PnId, member: EntityId): PeerLink | undefined {
  const record = context.state.pn(pnId);
  if (record?.state !== PnState.Established || !record.members.some(({ entityId }) => entityId === member)) return undefined;
  if (context.removals.has(pnId, member)) return undefined;
  const link = context.linkTo(member);
  return link?.hasPan(pnId) ? link : undefined;
}

function isSeat(member: LocalGroupMember, entity: EntityId, pnId: PnId): boolean {
  return member.entity === entity && member.pnId !== undefined && pnIdText(member.pnId) === pnId;
}

function notMember(peer: EntityId, sgId: SgId): CpnsError {
  return new CpnsError('State', 'NotMember', `${peer} is not in service group ${sgId}.`);
}
