import { LAST_TIME_MS } from '@cpns/shared';
import type { GroupInfo, SharedObject } from '@cpns/shared/messages';
import { pnIdText, sgIdText } from '../../entity/device-state.js';
import type { GroupRecord } from '../../entity/groups/group-record.js';
import type { OwnGroup } from '../../entity/groups/groups.js';
import type { FoundGroup, GroupObject, GroupReport } from '../api/groups.js';

export function groupReport({ record, epoch, isBehind, silence }: OwnGroup): GroupReport {
  return {
    ...found(record, true),
    ...(record.objects?.length && { objects: record.objects.map(objectReport) }),
    ...(record.pnId && { pnId: pnIdText(record.pnId) }),
    epoch: Number(epoch ?? 0n),
    keys: isBehind ? 'behind' : 'current',
    maySend: silence === undefined,
    ...(silence !== undefined && { why: silence.why }),
  };
}

export function objectReport({ id, name, type, holder, members, untilMs }: SharedObject): GroupObject {
  const until = untilMs === undefined ? {} : { until: new Date(Math.min(untilMs, LAST_TIME_MS)).toISOString() };
  return { id, name, type, holder, ...(members && { members: [...members].sort() }), ...until };
}

/** A group that this device is not in. */
export function foundGroup(info: GroupInfo): FoundGroup {
  return found(info, false);
}

function found(
  { sgId, name, owner, open = false, serviceId, serviceName, members = [], memberCount }: GroupInfo | GroupRecord,
  isMember: boolean,
) {
  return {
    sgId: sgIdText(sgId),
    name,
    ...(owner && { owner }),
    open,
    ...(serviceId !== undefined && { serviceId }),
    ...(serviceName !== undefined && { serviceName }),
    members: [...members].sort(),
    memberCount: Math.max(memberCount ?? 0, members.length),
    isMember,
  };
}
