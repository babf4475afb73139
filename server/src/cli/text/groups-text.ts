import { table } from '@cpns/shared/node';
import type { GroupView } from '../../api/admin-port.js';

export function groupsText(groups: readonly GroupView[]): string[] {
  if (groups.length === 0) return ['There are no service groups. Make one on a device with: cpns-agent group create NAME --with DEVICE'];
  const rows = groups.map((group) => [
    group.sgId,
    group.name,
    group.state,
    group.owner ?? '-',
    String(group.members.length),
    String(group.objects.length),
    String(group.epoch),
  ]);
  return table([['GROUP', 'NAME', 'STATE', 'OWNER', 'MEMBERS', 'SHARED', 'EPOCH'], ...rows]);
}

export function groupText(group: GroupView): string[] {
  const objects = group.objects.map(({ name, type, holder, members, until }) => {
    return [name, type, holder, members?.join(', ') ?? 'all members', until ?? 'withdrawn'];
  });
  return [
    ...table([
      ['Group', group.sgId],
      ['Name', group.name],
      ['State', group.state],
      ['Owner', group.owner ?? 'nobody: a new one is looked for'],
      ['Found by', group.open ? 'everybody' : 'its members and their users'],
      ...(group.serviceId === undefined ? [] : [['Service', group.serviceId]]),
      ['Group Key', `epoch ${group.epoch}, made ${group.keyedAt}`],
      ['Made', group.createdAt],
      ['Kept', keptText(group.kept)],
    ]),
    '',
    ...table([
      ['MEMBER', 'USER', 'PN GW', 'PN', 'SINCE'],
      ...group.members.map((member) => [member.entityId, member.userId, member.gateway, member.pnId ?? '-', member.since]),
    ]),
    ...(objects.length === 0 ? [] : ['', ...table([['SHARED', 'TYPE', 'BY', 'FOR', 'UNTIL'], ...objects])]),
  ];
}

function keptText({ messages, members }: GroupView['kept']): string {
  if (messages === 0) return 'no messages: every member has all of them';
  return `${messages === 1 ? '1 message' : `${messages} messages`} for ${members === 1 ? '1 member' : `${members} members`} that were away`;
}
