import type { EntityId } from '@cpns/shared';
import {
  type BodyOf,
  type GroupInfo,
  groupInfo,
  octetCount,
  Status,
  type sgDiscoveryRequest,
  sgDiscoveryResponse,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import type { Reads } from '../../inventory/database.js';
import type { SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import type { Incoming } from '../incoming.js';
import { isFor } from './objects.js';
import { sgIdOf } from './place.js';

const MAX_GROUPS = 64;
const NAMED_MEMBERS = 256;
/** Octets of groups in one answer, so that it stays within an envelope. */
const ANSWER_OCTETS = 60_000;
/** CBOR items in one answer, which no frame may have more than 4,096 of. */
const ANSWER_ITEMS = 3_500;
/** Of a group or an object, without its lists. */
const ITEMS_OF_ONE = 24;
/** Open groups that are looked through. */
const OPEN_LOOKED_THROUGH = 1_000;

/** SG Discovery (protocol a.5): groups of the asker, of its user, and open ones. Members are told to members alone. */
export async function discoverGroups(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgDiscoveryRequest>>): Promise<void> {
  const { reads } = context.inventory;
  const { sender, body } = incoming;
  context.limits.request(sender);
  const groups: GroupInfo[] = [];
  let [octets, items] = [0, 0];
  for (const group of visibleTo(reads, sender)) {
    if (!matches(group, body)) continue;
    const whole = infoOf(reads, group, sender, body.memberReq);
    const { members: _members, objects: _objects, ...bare } = whole;
    // Whoever shares much in one group must not hide others.
    const info = fits(whole) ? whole : bare;
    if (!fits(info) || groups.length === MAX_GROUPS) break;
    octets += octetCount(groupInfo, info);
    items += itemsOf(info);
    groups.push(info);
  }
  await incoming.answer(sgDiscoveryResponse, { status: Status.Success, groups });

  function fits(info: GroupInfo): boolean {
    return octets + octetCount(groupInfo, info) <= ANSWER_OCTETS && items + itemsOf(info) <= ANSWER_ITEMS;
  }
}

/** At most so many CBOR items. */
export function itemsOf({ members = [], objects = [] }: GroupInfo): number {
  return objects.reduce((sum, object) => sum + ITEMS_OF_ONE + (object.members?.length ?? 0), ITEMS_OF_ONE + members.length);
}

/** Those of which it is a member first. */
function visibleTo({ groups, devices }: Pick<Reads, 'groups' | 'devices'>, viewer: EntityId): Iterable<SgRecord> {
  const user = devices.find(viewer)?.userId;
  const own = groups.ofMember(viewer).flatMap(({ sgId }) => groups.find(sgId) ?? []);
  const all = [...own, ...(user === undefined ? [] : groups.ofUser(user)), ...groups.openOnes(OPEN_LOOKED_THROUGH)];
  return new Map(all.map((group) => [group.sgId, group])).values();
}

/** Whether a device may know of a group and ask to join it. */
export function mayFind({ groups, devices }: Pick<Reads, 'groups' | 'devices'>, group: SgRecord, viewer: EntityId): boolean {
  if (group.open || groups.member(group.sgId, viewer) !== undefined) return true;
  const user = devices.find(viewer)?.userId;
  return user !== undefined && groups.ofUser(user).some(({ sgId }) => sgId === group.sgId);
}

function matches({ sgId, name, serviceId }: SgRecord, wanted: BodyOf<typeof sgDiscoveryRequest>): boolean {
  if (wanted.sgId !== undefined && sgIdOf(wanted.sgId) !== sgId) return false;
  if (wanted.serviceId !== undefined && wanted.serviceId !== serviceId) return false;
  return wanted.keyword === undefined || name.toLowerCase().includes(wanted.keyword.toLowerCase());
}

/** A group as `viewer` may see it: members, and objects that are shared with it, when it is a member itself (requirement SG-4). */
export function infoOf({ groups }: Pick<Reads, 'groups'>, group: SgRecord, viewer: EntityId, members: boolean): GroupInfo {
  const { sgId, name, owner, serviceId, epoch, memberCount, open } = group;
  const info = {
    sgId: fromHex(sgId),
    name,
    epoch,
    memberCount,
    open,
    ...(owner !== undefined && { owner }),
    ...(serviceId && { serviceId }),
  };
  if (groups.member(sgId, viewer) === undefined) return info;
  const objects = groups.objects(sgId).filter((object) => isFor(object, viewer));
  return {
    ...info,
    ...(objects.length > 0 && { objects: [...objects] }),
    ...(members && { members: groups.firstMembers(sgId, NAMED_MEMBERS).map(({ entityId }) => entityId) }),
  };
}
