import type { CpnsError, EntityId, SgId } from '@cpns/shared';
import { type BodyOf, bodyOf, refusal, type SharedObject, Status, sgObjectRequest, sgObjectResponse } from '@cpns/shared/messages';
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
  // It may have ended or been withdrawn, or either of them may have left, while the holder was asked.
  holderFor(reads, incoming, sgId);
  await incoming.answer(sgObjectResponse, { ...wordOf(replied, body.index), index: body.index });
}

/** Who holds the object that the asker may have now. @throws CpnsError State/UnknownSg, State/NotMember, State/NoSuchObject */
function holderFor(reads: Pick<Reads, 'groups'>, incoming: Incoming<BodyOf<typeof sgObjectRequest>>, sgId: SgId): SgMemberRecord {
  const { body, sender } = incoming;
  knownGroup(reads, sgId);
  ownMembership(reads, incoming, sgId);
  const object = objectOf(reads, sgId, body.objectId, body.holder);
  const holder = reads.groups.member(sgId, body.holder);
  if (object === undefined || holder === undefined || holder.entityId === sender || !isFor(object, sender)) throw noObject(incoming, sgId);
  return holder;
}

/** What that member shares under that id, with whomever. */
export function objectOf({ groups }: Pick<Reads, 'groups'>, sgId: SgId, id: string, holder: EntityId): SharedObject | undefined {
  return groups.objects(sgId).find((object) => object.id === id && object.holder === holder);
}

/** Whether that member may know of an object and have it (requirement SG-4). */
export function isFor({ holder, members }: SharedObject, member: EntityId): boolean {
  return holder === member || (members?.includes(member) ?? true);
}

/** What somebody hears of an object that is not there, or not for him. */
export function noObject({ sender, body }: Incoming<{ readonly objectId: string }>, sgId: SgId): CpnsError {
  return refuse(Status.UnknownContent, 'NoSuchObject', `Nobody shares ${body.objectId} with ${sender} in ${sgId}.`);
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
