import type { SgId } from '@cpns/shared';
import { type BodyOf, bodyOf, refusal, Status, sgObjectRequest, sgObjectResponse } from '@cpns/shared/messages';
import type { Reads } from '../../inventory/database.js';
import type { SgMemberRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import type { Incoming } from '../incoming.js';
import type { Replied } from '../questions.js';
import { refuse } from '../refusals.js';
import { knownGroup, ownMembership, sessionOfMember, sgIdOf } from './place.js';

/** The holder reads a part from its disk: it answers at once or not at all. */
const HOLDER_LIMIT_MS = 15_000;

/**
 * SG Object Request (requirement SG-4): one part of a shared object, which the holder is asked for and which passes through unkept. Who
 * may not have the object learns no more of it than of one that does not exist.
 */
export async function brokerObject(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgObjectRequest>>): Promise<void> {
  const { reads } = context.inventory;
  const { body, sender } = incoming;
  if (body.origin !== sender) throw refuse(Status.BadMessage, 'WrongSender', `${sender} asked in the name of ${body.origin}.`);
  const sgId = sgIdOf(body.sgId);
  const holder = holderFor(reads, incoming, sgId);
  context.limits.groupObjectPart(sender, holder.entityId);
  const session = sessionOfMember(context, holder);
  if (session === undefined) throw refuse(Status.PeerUnreachable, 'HolderAway', `${holder.entityId} cannot be reached now.`);
  const replied = await incoming.pendingWhile(context.questions.ask(session, sgObjectRequest, body, HOLDER_LIMIT_MS));
  // It may have ended, or either of them may have left, while the holder was asked.
  holderFor(reads, incoming, sgId);
  await incoming.answer(sgObjectResponse, { ...wordOf(replied, body.index), index: body.index });
}

/** Who holds the object that the asker may have now. @throws CpnsError State/UnknownSg, State/NotMember, State/NoSuchObject */
function holderFor(reads: Pick<Reads, 'groups'>, incoming: Incoming<BodyOf<typeof sgObjectRequest>>, sgId: SgId): SgMemberRecord {
  const { body, sender } = incoming;
  knownGroup(reads, sgId);
  ownMembership(reads, incoming, sgId);
  const object = reads.groups.objects(sgId).find(({ id }) => id === body.objectId);
  const holder = object && reads.groups.member(sgId, object.holder);
  const isShared = object?.members?.includes(sender) ?? true;
  if (holder === undefined || holder.entityId === sender || !isShared)
    throw refuse(Status.UnknownContent, 'NoSuchObject', `Nobody shares ${body.objectId} with ${sender} in ${sgId}.`);
  return holder;
}

function wordOf(replied: Replied, index: number): Omit<BodyOf<typeof sgObjectResponse>, 'index'> {
  if (replied.kind === 'silent') return { status: Status.Timeout };
  if (replied.kind === 'lost') return { status: Status.PeerUnreachable };
  const { envelope } = replied;
  if (envelope.number === refusal.number) return { status: bodyOf(envelope, refusal).status };
  if (envelope.number !== sgObjectResponse.number) return { status: Status.Rejected };
  const answered = bodyOf(envelope, sgObjectResponse);
  return answered.index === index ? answered : { status: Status.Rejected };
}
