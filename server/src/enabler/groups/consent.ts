import type { EntityId, SgId } from '@cpns/shared';
import { type BodyOf, bodyOf, refusal, SgAction, Status, sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { EnablerContext } from '../context.js';
import type { Replied } from '../questions.js';
import type { Session } from '../session.js';
import type { Entrant } from './change.js';
import { entrantOf, pnOf, sessionForInvitation } from './place.js';

/** A person has a minute, and the ways there and back (protocol 0.3). */
export const CONSENT_LIMIT_MS = 75_000;

/** What a question about a group names. */
export interface Named {
  readonly sgId: SgId;
  readonly name: string;
  readonly owner: EntityId | undefined;
}

/** What a device said to an invitation. */
export interface Invited {
  readonly pne: EntityId;
  readonly status: Status;
  /** Of one that agreed. */
  readonly entrant?: Entrant;
}

/**
 * Asks each device whether it wants to come into the group; it comes in through the session in which it is asked. Once `isWanted` says
 * no the questions are withdrawn.
 */
export function inviteAll(
  context: EnablerContext,
  group: Named,
  inviter: Session,
  devices: readonly EntityId[],
  isWanted: () => boolean,
): Promise<readonly Invited[]> {
  return Promise.all(devices.map((pne) => invite(context, group, inviter, pne, isWanted)));
}

async function invite(context: EnablerContext, group: Named, inviter: Session, pne: EntityId, isWanted: () => boolean): Promise<Invited> {
  const { devices } = context.inventory.reads;
  const invited = devices.find(pne);
  const sameUser = invited !== undefined && invited.userId === devices.find(inviter.entityId)?.userId;
  // Of devices of other users nobody is told whether there are such.
  if (invited?.state !== 'active') return { pne, status: sameUser ? Status.UnknownPne : Status.PeerUnreachable };
  const session = sessionForInvitation(context, pne, inviter);
  if (session === undefined) return { pne, status: Status.PeerUnreachable };
  const status = await ask(context, session, SgAction.Invite, group, inviter.entityId, pne, sameUser, isWanted);
  if (status !== Status.Success) return { pne, status };
  const entrant = entrantOf(context.inventory.reads, pne, pnOf(session));
  return entrant === undefined ? { pne, status: Status.NotMember } : { pne, status, entrant };
}

/** Success, or why not: Rejected, Busy, Timeout, PeerUnreachable. */
export async function ask(
  context: EnablerContext,
  session: Session,
  action: typeof SgAction.Invite | typeof SgAction.Join,
  { sgId, name, owner }: Named,
  origin: EntityId,
  target: EntityId,
  sameUser: boolean,
  isWanted: () => boolean,
): Promise<Status> {
  const askedFor = context.inventory.reads.devices.find(origin)?.userId;
  if (askedFor === undefined || !context.limits.groupQuestion(session.entityId, askedFor)) return Status.Busy;
  const body: BodyOf<typeof sgActionRequest> = { sgId: fromHex(sgId), action, origin, targets: [target], name, sameUser };
  const question = { ...body, ...(owner !== undefined && { owner }) };
  return wordOf(await context.questions.ask(session, sgActionRequest, question, CONSENT_LIMIT_MS, isWanted));
}

function wordOf(replied: Replied): Status {
  if (replied.kind === 'silent') return Status.Timeout;
  if (replied.kind === 'lost') return Status.PeerUnreachable;
  const { envelope } = replied;
  if (envelope.number === refusal.number) return bodyOf(envelope, refusal).status;
  return envelope.number === sgActionResponse.number ? bodyOf(envelope, sgActionResponse).status : Status.Rejected;
}
