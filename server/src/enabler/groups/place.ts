import type { EntityId, PnId, SgId } from '@cpns/shared';
import { Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Reads } from '../../inventory/database.js';
import type { SgMemberRecord, SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import type { Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import type { Session } from '../session.js';
import type { Entrant } from './change.js';

export const sgIdOf = (octets: Uint8Array): SgId => toHex(octets) as SgId;

/** The PN that a session belongs to, as a membership names it. */
export function pnOf(session: Pick<Session, 'pnId'>): PnId | undefined {
  return session.pnId === '' ? undefined : session.pnId;
}

/** How a device would be in a group through that PN, or as PN GW; undefined when it is not there any more. */
export function entrantOf(reads: Pick<Reads, 'pns' | 'devices'>, entityId: EntityId, pnId: PnId | undefined): Entrant | undefined {
  if (reads.devices.find(entityId)?.state !== 'active') return undefined;
  if (pnId === undefined) return { entityId, pnId, gateway: entityId };
  const pn = reads.pns.find(pnId);
  if (pn === undefined || reads.pns.member(pnId, entityId) === undefined) return undefined;
  return { entityId, pnId, gateway: pn.gateway };
}

/** The session of a request; groups are asked about in SK sessions alone. */
export function sessionOf({ session }: Incoming<unknown>): Session {
  if (session === undefined) throw refuse(Status.BadMessage, 'NotAdmissible', 'It does not belong here.');
  return session;
}

/** @throws CpnsError State/UnknownSg */
export function knownGroup({ groups }: Pick<Reads, 'groups'>, sgId: SgId): SgRecord {
  const group = groups.find(sgId);
  if (group === undefined) throw refuse(Status.UnknownSg, 'UnknownSg', `There is no service group ${sgId}.`);
  return group;
}

/** The membership that the asker speaks for: of its own, in the session through which it came in. @throws CpnsError State/NotMember */
export function ownMembership(reads: Pick<Reads, 'groups'>, incoming: Incoming<unknown>, sgId: SgId): SgMemberRecord {
  const member = reads.groups.member(sgId, incoming.sender);
  if (member === undefined || member.pnId !== pnOf(sessionOf(incoming))) {
    throw refuse(Status.NotMember, 'NotMember', `${incoming.sender} is no member of ${sgId} in that session.`);
  }
  return member;
}

/** The asker owns the group, and asks in the session of its membership. @throws CpnsError State/UnknownSg, State/NotMember, State/NotOwner */
export function ownedGroup(reads: Pick<Reads, 'groups'>, incoming: Incoming<unknown>, sgId: SgId): SgRecord {
  const group = knownGroup(reads, sgId);
  ownMembership(reads, incoming, sgId);
  if (group.owner !== incoming.sender)
    throw refuse(Status.NotOwner, 'NotOwner', `${incoming.sender} does not own the service group ${sgId}.`);
  return group;
}

/** The session in which a member is reached now. Who is being taken out of the PN is no member any more. */
export function sessionOfMember(
  { sessions, downlink }: EnablerContext,
  { entityId, pnId }: Pick<Entrant, 'entityId' | 'pnId'>,
): Session | undefined {
  const session = sessions.current(entityId, pnId ?? '');
  return session !== undefined && downlink.reaches(session) ? session : undefined;
}

/** The session in which a device is asked to come in: of the PN of whoever asks, as a PN GW, or any. */
export function sessionForInvitation(context: EnablerContext, entityId: EntityId, inviter: Session): Session | undefined {
  const { sessions, downlink } = context;
  const candidates = [sessions.current(entityId, inviter.pnId), sessions.current(entityId, ''), ...sessions.currentOf(entityId)];
  return candidates.find((session) => session !== undefined && !session.leaving && downlink.reaches(session));
}
