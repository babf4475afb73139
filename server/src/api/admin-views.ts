import type { EntityId, PnId } from '@cpns/shared';
import { decodeCapabilities, modeName, PneState } from '@cpns/shared/messages';
import type { Reads } from '../inventory/database.js';
import type { DeviceRecord } from '../inventory/devices.js';
import type { MemberRecord, PnRecord } from '../inventory/pn-inventory.js';
import type { UserRecord } from '../inventory/users.js';
import type { DeviceView, GatewayView, PnMemberView, PnView, UserView } from './admin-port.js';

/** Rows of the inventory as the operator sees them. */

export function userView(reads: Reads, user: UserRecord): UserView {
  return { userId: user.userId, subscription: user.subscription, devices: reads.devices.countActive(user.userId) };
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

function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
