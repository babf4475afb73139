import { CpnsError, type EntityId, LAST_TIME_MS, type PnId, type SgId, type UserId } from '@cpns/shared';
import { decodeCapabilities, modeName, PneState, type SharedObject } from '@cpns/shared/messages';
import type { ChargingEvent } from '../inventory/charging.js';
import type { Reads } from '../inventory/database.js';
import type { DeviceRecord } from '../inventory/devices.js';
import type { SgMemberRecord, SgRecord } from '../inventory/groups.js';
import type { MemberRecord, PnRecord } from '../inventory/pn-inventory.js';
import type { UserRecord } from '../inventory/users.js';
import type {
  ChargingEventView,
  DeviceView,
  GatewayView,
  GroupMemberView,
  GroupObjectView,
  GroupView,
  PnMemberView,
  PnView,
  UserView,
} from './admin-port.js';

/** Rows of the inventory as the operator sees them. */

export function userView(reads: Reads, user: UserRecord): UserView {
  const owned = reads.devices.list(user.userId).filter(({ state }) => state === 'active');
  const { userId, subscription, policy } = user;
  return { userId, subscription, policy, devices: owned.length, owns: owned.map(({ entityId }) => entityId) };
}

/** `pns`: of which the device is PN GW or a PNE. */
export function deviceView(reads: Reads, device: DeviceRecord, connected: boolean, pns: readonly PnId[]): DeviceView {
  const kid = reads.keys.activeEuKey(device.entityId)?.kid;
  const mode = modeOf(device.capabilities);
  return {
    entityId: device.entityId,
    userId: device.userId,
    kid: kid ?? '',
    state: stateOf(device),
    connected,
    ...(device.cpnsId !== undefined && { cpnsId: device.cpnsId }),
    ...(mode !== undefined && { mode }),
    ...(device.lastSeenMs !== undefined && { lastSeenAt: isoTime(device.lastSeenMs) }),
    pns,
  };
}

export function gatewayView(reads: Reads, device: DeviceRecord, connected: boolean): GatewayView {
  return {
    entityId: device.entityId,
    userId: device.userId,
    connected,
    ...(device.authenticatedMs !== undefined && { authenticatedAt: isoTime(device.authenticatedMs) }),
    pns: reads.pns.ofGateway(device.entityId).map((pn) => pn.pnId),
  };
}

export function pnView(reads: Reads, pn: PnRecord): PnView {
  return {
    pnId: pn.pnId,
    gateway: pn.gateway,
    initiator: pn.initiator,
    createdAt: isoTime(pn.createdMs),
    state: pn.state,
    inventoryVersion: pn.version,
    keyEpoch: pn.keyEpoch,
    members: reads.pns.members(pn.pnId).map(memberView),
  };
}

export function groupView(reads: Reads, group: SgRecord, rekeying: boolean): GroupView {
  const { sgId, name, owner, serviceId, open, epoch } = group;
  return {
    sgId,
    name,
    ...(owner !== undefined && { owner }),
    ...(serviceId !== undefined && { serviceId }),
    open,
    state: rekeying ? 'Rekeying' : 'Active',
    epoch,
    keyedAt: isoTime(group.keyedMs),
    createdAt: isoTime(group.createdMs),
    members: reads.groups.members(sgId).map((member) => groupMemberView(reads, member)),
    kept: reads.kept.count(sgId),
    objects: reads.groups.objects(sgId).map(groupObjectView),
  };
}

function groupObjectView({ untilMs, ...object }: SharedObject): GroupObjectView {
  return { ...object, ...(untilMs !== undefined && { until: isoTime(Math.min(untilMs, LAST_TIME_MS)) }) };
}

function groupMemberView(reads: Reads, { entityId, pnId, gateway, joinedMs }: SgMemberRecord): GroupMemberView {
  const userId = reads.devices.find(entityId)?.userId as UserId;
  return { entityId, userId, ...(pnId !== undefined && { pnId }), gateway, since: isoTime(joinedMs) };
}

export function chargingView({ atMs, ...event }: ChargingEvent): ChargingEventView {
  const { id, ...rest } = event;
  return { id, at: isoTime(atMs), ...rest };
}

/** PNs of one device, as PN GW and as PNE. */
export function pnsOf(reads: Reads, entityId: EntityId): readonly PnId[] {
  return [...reads.pns.ofGateway(entityId), ...reads.pns.ofMember(entityId)].map((pn) => pn.pnId);
}

function memberView(member: MemberRecord): PnMemberView {
  return {
    entityId: member.entityId,
    cpnsId: member.cpnsId,
    userId: member.userId,
    state: member.state === PneState.Member ? 'Member' : 'Unconfirmed',
    authenticatedAt: isoTime(member.authenticatedMs),
  };
}

function stateOf(device: DeviceRecord): DeviceView['state'] {
  if (device.state === 'revoked') return 'revoked';
  return device.lastSeenMs === undefined && device.cpnsId === undefined ? 'enrolled' : 'active';
}

function modeOf(capabilities: Uint8Array | undefined): string | undefined {
  if (capabilities === undefined) return undefined;
  try {
    return modeName(decodeCapabilities(capabilities).mode);
  } catch {
    // Octets of a newer version: what the device is in cannot be read here.
    return undefined;
  }
}

export function noDevice(entityId: EntityId): CpnsError {
  return new CpnsError('State', 'UnknownDevice', `There is no device "${entityId}": see "cpns-server device list".`);
}

export function noPn(pnId: PnId): CpnsError {
  return new CpnsError('State', 'UnknownPn', `There is no PN ${pnId}: see "cpns-server pn list".`);
}

export function noGroup(sgId: SgId): CpnsError {
  return new CpnsError('State', 'UnknownSg', `There is no service group ${sgId}: see "cpns-server group list".`);
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
