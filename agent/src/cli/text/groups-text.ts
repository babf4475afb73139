import { plural, table } from '@cpns/shared/node';
import type { FoundGroup, GroupAsked, GroupEvent, GroupObject, GroupReport, GroupShared } from '../../control/api/groups.js';
import { minutes } from './durations.js';

/** Own groups, for people. */
export function groupsText(groups: readonly GroupReport[]): string[] {
  if (groups.length === 0) return ['This device is in no service group. Make one with: cpns-agent group create <name> --with <device>'];
  return groups.flatMap((group, index) => [...(index === 0 ? [] : ['']), ...groupText(group)]);
}

export function groupText(group: GroupReport): string[] {
  const { sgId, name, memberCount, members, epoch, keys, why } = group;
  const unnamed = memberCount - members.length;
  const key = epoch === 0 ? 'no Group Key yet' : `Group Key of epoch ${epoch}${keys === 'behind' ? ', a newer one is under way' : ''}`;
  return [
    `${name || '(name not known yet)'} ${sgId}`,
    `  ${plural(memberCount, 'member')}, ${ownerOf(group)}${group.open ? ', open' : ''}, ${key}`,
    ...members.map((member) => `  ${member}${member === group.owner ? ' (owner)' : ''}`),
    ...(unnamed > 0 && members.length > 0 ? [`  and ${unnamed} more`] : []),
    ...objectsText(group.objects ?? []).map((line) => `  ${line}`),
    ...(why === undefined ? [] : [`  This device may not send to it now: ${why}`]),
  ];
}

/** With ids only where a name does not say which one is meant. */
function objectsText(objects: readonly GroupObject[]): string[] {
  if (objects.length === 0) return [];
  const isPlain = new Set(objects.map(({ name }) => name)).size === objects.length;
  const rows = objects.map((object) => [object.name, object.type, object.holder, forText(object), untilText(object), object.id]);
  const all = [['SHARED', 'TYPE', 'BY', 'FOR', 'UNTIL', 'ID'], ...rows];
  return table(isPlain ? all.map((row) => row.slice(0, -1)) : all).map((line) => line.trimEnd());
}

function forText({ members }: GroupObject): string {
  return members?.join(', ') ?? 'all members';
}

function untilText({ until }: GroupObject): string {
  return until ?? 'withdrawn';
}

/** What became of an object, and how it stands in its group. */
export function sharedText({ group, object }: GroupShared): string[] {
  const until = object.until === undefined ? 'until it is withdrawn' : `until ${object.until}`;
  return [`${object.name} is shared in ${titleOf(group)}: for ${forText(object)}, ${until}.`];
}

export function unsharedText({ group, object }: GroupShared): string[] {
  return [`${object.name} of ${object.holder} is not shared in ${titleOf(group)} any more.`];
}

function titleOf({ name, sgId }: FoundGroup): string {
  return name || sgId;
}

/** Groups in rows; of `all` those too that this device is not in, or only `some`. */
export function foundText(groups: readonly (FoundGroup & Pick<GroupReport, 'objects'>)[], all: boolean, some: boolean): string[] {
  if (groups.length === 0 && all) return ['The server knows no such service group, or none that this device may know of.'];
  if (groups.length === 0) return some ? ['This device is in no such service group. Those of others: --all'] : groupsText([]);
  const rows = groups.map((group) => [
    group.sgId,
    group.name,
    group.owner ?? '-',
    String(group.memberCount),
    group.isMember ? String(group.objects?.length ?? 0) : '-',
    group.isMember ? 'this device is in it' : `cpns-agent group join ${group.sgId}`,
  ]);
  return table([['SG ID', 'NAME', 'OWNER', 'MEMBERS', 'SHARED', ''], ...rows]).map((line) => line.trimEnd());
}

/** A group with what became of those who were asked into it. */
export function askedText({ group, outcomes }: GroupAsked): string[] {
  const out = outcomes.filter(({ joined }) => !joined);
  return [...groupText(group), ...out.map(({ id, reason }) => `  ${id} is not in it: ${reason ?? 'no reason given'}`)];
}

/** One line of progress. */
export function groupEventText({ text, atMostMs }: GroupEvent): string {
  return `  ${text} (at most ${minutes(atMostMs)})`;
}

function ownerOf({ owner }: FoundGroup): string {
  return owner === undefined ? 'an owner is looked for' : `owned by ${owner}`;
}
