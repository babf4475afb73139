import type { EntityId } from '@cpns/shared';
import type { Content } from '@cpns/shared/messages';
import type { Device } from '../../entity/device.js';
import { type PnRecord, PnRole, PnState, pnIdText } from '../../entity/device-state.js';
import type { HopReport, PnContent, PnReport, PnSummary } from '../api/networks.js';

const STATE_NAMES = {
  [PnState.Established]: 'Established',
  [PnState.Suspended]: 'Suspended',
  [PnState.Releasing]: 'Releasing',
} as const;

export function pnSummary(device: Device, record: PnRecord): PnSummary {
  const isGateway = record.role === PnRole.PnGw;
  // Without its gateway, and until the hop is protected again, a PN rests, and its messages wait (protocol 0.23).
  const works = isGateway || device.linkTo(record.gateway)?.hasPan(pnIdText(record.pnId)) || device.hasServerSession(pnIdText(record.pnId));
  const rests = record.state === PnState.Established && !works;
  return {
    pnId: pnIdText(record.pnId),
    state: rests ? 'Suspended' : STATE_NAMES[record.state],
    gateway: record.gateway,
    role: isGateway ? 'PN GW' : 'PNE',
    members: pnesOf(record).length,
  };
}

export function pnReport(device: Device, record: PnRecord): PnReport {
  const hasSession = device.hasServerSession(pnIdText(record.pnId));
  const removals = device.state.removals().filter(({ pnId }) => pnId === pnIdText(record.pnId));
  const expelled = new Set(removals.map(({ pne }) => pne));
  const hops = record.role === PnRole.PnGw ? pnesOf(record) : [device.id];
  return {
    ...pnSummary(device, record),
    inventoryVersion: record.inventoryVersion,
    inventory: record.members.map(({ entityId, cpnsId, contents = [] }) => ({
      id: entityId,
      ...(cpnsId && { cpnsId }),
      state: expelled.has(entityId) ? 'Expelling' : 'Member',
      ...(contents.length > 0 && { contents: contents.map(contentReport) }),
    })),
    keyEpoch: record.pnKeyEpoch,
    hops: hops.map((pne) => hopReport(device, record, pne)),
    serverSession: { up: hasSession, forwardSecret: hasSession && device.sessionsAreForwardSecret },
  };
}

export function contentReport({ contentId, name, type, size, chargeable, conditions }: Content): PnContent {
  return { id: contentId, name, type, ...(size !== undefined && { size }), chargeable, ...(conditions !== undefined && { conditions }) };
}

/** A PAN session exists only under a LocalEUKey, and its handshake always has X25519 in it (security 1.5). */
function hopReport(device: Device, record: PnRecord, pne: EntityId): HopReport {
  const link = device.linkTo(record.role === PnRole.PnGw ? pne : record.gateway);
  const up = link?.hasPan(pnIdText(record.pnId)) === true;
  return { pne, up, protectedBy: up ? 'LocalEUKey' : 'nothing', forwardSecret: up };
}

function pnesOf(record: PnRecord): EntityId[] {
  return record.members.filter((member) => !member.gateway).map((member) => member.entityId);
}
