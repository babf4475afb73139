import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import { bodyOf, type Envelope, pnData, relay, Status } from '@cpns/shared/messages';
import { type PnRecord, PnRole, PnState, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { GatewayContext } from './gateway-context.js';

/** The PN that a message of `pne` is about, if this device is its gateway and the PNE is in it. Identities come from the session only. */
export function routeOf(context: GatewayContext, pnId: PnId, pne: EntityId): PnRecord {
  const record = context.state.pn(pnId);
  const listed = record?.role === PnRole.PnGw && record.members.some((member) => member.entityId === pne);
  if (record === undefined || !listed || context.removals.has(pnId, pne)) {
    throw new CpnsError('State', 'UnknownPn', `${pne} is not in that personal network.`, { status: Status.UnknownPn });
  }
  return record;
}

/** {@link routeOf}, while nobody releases the PN. @throws CpnsError State/UnknownPn, State/PnReleasing */
export function requireEstablished(context: GatewayContext, pnId: PnId, member: EntityId): PnRecord {
  const record = routeOf(context, pnId, member);
  if (record.state === PnState.Releasing)
    throw new CpnsError('State', 'PnReleasing', 'That personal network is being released.', { status: Status.WrongState });
  return record;
}

/** What is asked about a PN comes in its PAN session, unless the hop may do without. @throws CpnsError Auth/WrongPn, Auth/UnprotectedHop */
export function requireHop(context: GatewayContext, hop: Hop, pnId: PnId): void {
  if (hop.kind === 'pan' && hop.pnId !== pnId)
    throw new CpnsError('Auth', 'WrongPn', 'A message came in the session of another personal network.');
  if (hop.kind !== 'pan' && !context.settings.allowUnprotectedPan)
    throw new CpnsError('Auth', 'UnprotectedHop', 'A message came outside the protected session.');
}

/** The protected way for messages of a PN; the link session only where the hop may do without a LocalEUKey. */
function protectedHop(context: GatewayContext, link: PeerLink, pnId: PnId): Hop | undefined {
  return link.hasPan(pnId) || context.settings.allowUnprotectedPan ? link.hopOf(pnId) : undefined;
}

/** A PNE's own SK record on its way to the server: carried, neither read nor stored (security 1.6b). */
export function relayUp(context: GatewayContext, link: PeerLink, envelope: Envelope, hop: Hop): void {
  const { pnId: octets, record } = bodyOf(envelope, relay);
  const pnId = pnIdText(octets);
  const pne = link.peer as EntityId;
  requireHop(context, hop, pnId);
  if (!context.forming.has(pnId)) routeOf(context, pnId, pne);
  context.server().notify(relay, { pnId: octets, pne, record });
}

/** A record of the server for one PNE. A PNE that is not here gets it again from the server when it is back. */
export function relayDown(context: GatewayContext, envelope: Envelope): void {
  const { pnId: octets, pne, record } = bodyOf(envelope, relay);
  const pnId = pnIdText(octets);
  const link = context.linkTo(pne);
  if (link === undefined) return;
  // A member that was taken out still gets the server's sealed word on it, in the link session.
  const listed = context.state.pn(pnId)?.members.some((candidate) => candidate.entityId === pne) ?? false;
  const hop = listed && !context.removals.has(pnId, pne) ? protectedHop(context, link, pnId) : link.hopOf(pnId);
  if (hop !== undefined) link.exchange.notify(relay, { pnId: octets, pne, record }, hop);
}

/**
 * Data between two entities of a PN (protocol 0.23): who sends it is who the session says, whatever the message says; it is forwarded
 * sealed as it came. Returns true when it is for this device itself.
 */
export function route(context: GatewayContext, link: PeerLink, envelope: Envelope, hop: Hop): boolean {
  const body = bodyOf(envelope, pnData);
  const pnId = pnIdText(body.pnId);
  const from = link.peer as EntityId;
  if (hop.kind !== 'pan' || hop.pnId !== pnId)
    throw new CpnsError('Auth', 'WrongPn', 'Data came outside the session of its personal network.');
  if (body.from !== from) throw new CpnsError('Auth', 'WrongSender', `${from} sent data in the name of ${body.from}.`);
  const record = routeOf(context, pnId, from);
  if (record.state !== PnState.Established) return false;
  if (body.to === context.identity.id) return true;
  forward(context, record, pnId, body);
  return false;
}

/** Sends PN data to a member that is here; the sender repeats what was not answered. */
export function forward(
  context: GatewayContext,
  record: PnRecord,
  pnId: PnId,
  body: { from: EntityId; to: EntityId; message: Uint8Array },
): boolean {
  const link = context.linkTo(body.to);
  if (link === undefined || !link.hasPan(pnId) || record.state !== PnState.Established) return false;
  if (!record.members.some((member) => member.entityId === body.to) || context.removals.has(pnId, body.to)) return false;
  link.exchange.notify(pnData, { pnId: pnIdOctets(pnId), ...body }, { kind: 'pan', pnId });
  return true;
}
