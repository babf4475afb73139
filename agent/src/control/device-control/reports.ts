import { type EntityId, type LinkType, type PnId, type Score, scoreOf } from '@cpns/shared';
import { modeName } from '@cpns/shared/messages';
import type { PnRecord } from '../../entity/device-state.js';
import { type Device, PnRole, pnIdText } from '../../index.js';
import type { HopReport, PnReport, PnState, PnSummary } from '../api/networks.js';
import type { PeerReport, PeersReport, ScoreReport } from '../api/peers.js';

const STATES: Readonly<Record<PnRecord['state'], PnState>> = { 1: 'Established', 2: 'Suspended', 3: 'Releasing' };

const scoreReport = ({ eligible, missing, lines, total }: Score): ScoreReport => ({ eligible, missing, lines, total });

/** A PN whose gateway is not linked waits: its messages do, too (protocol 0.23). */
function stateOf(device: Device, record: PnRecord): PnState {
  const reachable = record.role === PnRole.PnGw || device.linkTo(record.gateway) !== undefined;
  return record.state === 1 && !reachable ? 'Suspended' : STATES[record.state];
}

export function pnSummary(device: Device, record: PnRecord): PnSummary {
  return {
    pnId: pnIdText(record.pnId),
    state: stateOf(device, record),
    gateway: record.gateway,
    role: record.role === PnRole.PnGw ? 'PN GW' : 'PNE',
    members: record.members.filter((member) => !member.gateway).length,
  };
}

export function pnReport(device: Device, record: PnRecord): PnReport {
  const pnId = pnIdText(record.pnId);
  const pnes =
    record.role === PnRole.PnGw ? record.members.filter((member) => !member.gateway).map((member) => member.entityId) : [device.id];
  return {
    ...pnSummary(device, record),
    inventoryVersion: record.inventoryVersion,
    inventory: record.members.map((member) => ({
      id: member.entityId,
      ...(member.cpnsId && { cpnsId: member.cpnsId }),
      state: member.gateway ? 'PN GW' : 'Member',
    })),
    keyEpoch: record.pnKeyEpoch,
    hops: pnes.map((pne) => hopReport(device, record, pnId, pne)),
    serverSession: { up: device.hasServerSession(pnId), forwardSecret: device.hasServerSession(pnId) && device.sessionsAreForwardSecret },
  };
}

/** The hop between one PNE and the PN GW: a PAN session exists only under a LocalEUKey, and its handshake always has X25519. */
function hopReport(device: Device, record: PnRecord, pnId: PnId, pne: EntityId): HopReport {
  const link = device.linkTo(record.role === PnRole.PnGw ? pne : record.gateway);
  const up = link?.hasPan(pnId) ?? false;
  return { pne, up, protectedBy: up ? 'LocalEUKey' : 'nothing', forwardSecret: up };
}

export function peersReport(device: Device, explain: boolean): PeersReport {
  const { roles, neighbourhood, state } = device;
  const pairings = state.pairings();
  const ids = [...new Set<EntityId>([...pairings.keys(), ...neighbourhood.sightings.keys()])].sort();
  const peers = ids.map((id): PeerReport => {
    const seen: { technology: LinkType; addresses: readonly string[]; pairing: boolean; mode: 0 | 1 | 2 | 3 }[] = [
      ...(neighbourhood.sightings.get(id)?.values() ?? []),
    ];
    const link = device.linkTo(id);
    const capabilities = roles.capabilitiesOf(id);
    return {
      id,
      ...(capabilities?.name && { name: capabilities.name }),
      paired: pairings.has(id),
      pairing: seen.some((sighting) => sighting.pairing),
      mode: modeName(capabilities?.mode ?? seen[0]?.mode ?? 0),
      sightings: seen.map(({ technology, addresses }) => ({ technology, addresses })),
      ...(link && { link: { technology: link.technology, sinceMs: device.linkedForMs(link) } }),
      ...(explain && capabilities && { score: scoreReport(scoreOf(capabilities)) }),
    };
  });
  const { gateway, reason } = roles.assignment;
  return {
    self: { id: device.id, mode: modeName(roles.mode), ...(explain && { score: scoreReport(roles.score) }) },
    peers,
    assignment: { ...(gateway && { gateway }), reason },
  };
}
