import type { EntityId, SgId } from '@cpns/shared';
import {
  type BodyOf,
  groupInfo,
  MAX_OBJECTS,
  MAX_OBJECTS_OF_MEMBER,
  octetCount,
  type SharedObject,
  Status,
  type sgObjectChangeRequest,
  sgObjectChangeResponse,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Reads, Tx } from '../../inventory/database.js';
import type { SgMemberRecord, SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { type Answer, answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { itemsOf } from './discover.js';
import { tellOfObjects } from './notices.js';
import { isFor, noObject, objectOf } from './objects.js';
import { knownGroup, ownMembership, sgIdOf } from './place.js';

/** All objects of a group: so that a group with them and its members fits into one answer to SG Discovery. */
const OBJECTS_OCTETS = 40_000;
const OBJECTS_ITEMS = 2_500;

type Change = Incoming<BodyOf<typeof sgObjectChangeRequest>>;

/**
 * SG Object Change Request (requirement SG-4): a member shares what it holds, for all or for some, changes that, or withdraws it; the
 * owner of the group may withdraw what others share with it. Asked for again, it is done again without a difference.
 */
export async function changeObject(context: EnablerContext, incoming: Change): Promise<void> {
  const { inventory, limits } = context;
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  knownGroup(inventory.reads, sgId);
  ownMembership(inventory.reads, incoming, sgId);
  limits.groupObjectChange(sgId, sender);
  await incoming.conclude((tx) => {
    const group = knownGroup(tx, sgId);
    ownMembership(tx, incoming, sgId);
    return body.sharing === undefined ? withdraw(context, tx, incoming, group) : share(context, tx, incoming, group, body.sharing);
  });
}

function share(
  context: EnablerContext,
  tx: Tx,
  { body: { sgId: octets, objectId: id, holder }, sender }: Change,
  group: SgRecord,
  { members: named, ...sharing }: NonNullable<Change['body']['sharing']>,
): Answer {
  const { sgId } = group;
  requireOwnObject(sender, holder);
  const members = named && [...new Set(named)].filter((entityId) => entityId !== sender);
  if (members?.length === 0) throw refuse(Status.BadMessage, 'NobodyNamed', `${sender} shares ${id} with nobody.`);
  if (sharing.untilMs !== undefined && sharing.untilMs <= context.clock.wallMs())
    throw refuse(Status.WrongState, 'EndedAlready', `${sender} shares ${id} until a time that has passed here.`);
  const strangers = (members ?? []).filter((entityId) => tx.groups.member(sgId, entityId) === undefined);
  if (strangers.length > 0) {
    const outcomes = strangers.map((pne) => ({ pne, status: Status.NotMember }));
    return answer(sgObjectChangeResponse, { status: Status.NotMember, sgId: octets, outcomes });
  }
  const before = objectOf(tx, sgId, id, holder);
  const after: SharedObject = { id, holder, ...sharing, ...(members && { members }) };
  tx.groups.putObject(sgId, after);
  requireRoomForObjects(tx, sgId, sender);
  tell(context, tx, group, before, after);
  return answer(sgObjectChangeResponse, { status: Status.Success, sgId: octets });
}

/** Who sees nothing of it hears that there is nothing; who holds it may have withdrawn it before. */
function withdraw(context: EnablerContext, tx: Tx, incoming: Change, group: SgRecord): Answer {
  const { body, sender } = incoming;
  const { sgId } = group;
  const before = objectOf(tx, sgId, body.objectId, body.holder);
  if (body.holder !== sender) {
    if (before === undefined || !isFor(before, sender)) throw noObject(incoming, sgId);
    if (group.owner !== sender) throw refuse(Status.NotOwner, 'NotOwner', `${sender} neither holds ${body.objectId} nor owns ${sgId}.`);
  }
  if (before !== undefined) {
    tx.groups.removeObject(sgId, before);
    tell(context, tx, group, before);
  }
  return answer(sgObjectChangeResponse, { status: Status.Success, sgId: body.sgId });
}

/** Nobody shares what another one holds. @throws CpnsError Codec/WrongHolder */
export function requireOwnObject(sender: EntityId, holder: EntityId): void {
  if (holder !== sender) throw refuse(Status.BadMessage, 'WrongHolder', `${sender} shares in the name of ${holder}.`);
}

/** Within the transaction that shares. @throws CpnsError State/TooManyObjects (Busy) */
export function requireRoomForObjects({ groups }: Pick<Reads, 'groups'>, sgId: SgId, holder: EntityId): void {
  const objects = groups.objects(sgId);
  const own = objects.filter((object) => object.holder === holder).length;
  const listed = { sgId: fromHex(sgId), name: '', epoch: 0, objects: [...objects] };
  const fits =
    own <= MAX_OBJECTS_OF_MEMBER &&
    objects.length <= MAX_OBJECTS &&
    itemsOf(listed) <= OBJECTS_ITEMS &&
    octetCount(groupInfo, listed) <= OBJECTS_OCTETS;
  if (!fits) throw refuse(Status.Busy, 'TooManyObjects', `${sgId} has no room for one more object of ${holder}.`);
}

/** Who could see the object, and who can see it now. Of many members those alone who are named, and the holder. */
function tell(context: EnablerContext, tx: Tx, group: SgRecord, ...objects: readonly (SharedObject | undefined)[]): void {
  const told = (object: SharedObject): readonly SgMemberRecord[] => {
    if (group.memberCount <= context.settings.limits.groupMembersTold)
      return tx.groups.members(group.sgId).filter(({ entityId }) => isFor(object, entityId));
    return [object.holder, ...(object.members ?? [])].flatMap((entityId) => tx.groups.member(group.sgId, entityId) ?? []);
  };
  const members = objects.flatMap((object) => (object === undefined ? [] : told(object)));
  tellOfObjects(context, tx, group, [...new Map(members.map((member) => [member.entityId, member])).values()]);
}
