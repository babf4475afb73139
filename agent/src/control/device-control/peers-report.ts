import { type Clock, type EntityId, scoreOf } from '@cpns/shared';
import { Mode, modeName } from '@cpns/shared/messages';
import type { Device } from '../../entity/device.js';
import type { PeerReport, PeersReport } from '../api/peers.js';

/** Paired devices and those near; with `explain`, how each scores in the choice of the PN GW. */
export function peersReport(device: Device, clock: Clock, explain: boolean): PeersReport {
  const { roles, neighbourhood, state } = device;
  const paired = state.pairings();
  const ids = [...new Set([...paired.keys(), ...neighbourhood.sightings.keys()])].sort();
  const { gateway, reason } = roles.assignment;
  return {
    self: { id: device.id, mode: modeName(roles.mode), ...(explain && { score: roles.score }) },
    peers: ids.map((id) => peerReport(device, clock, id, paired.has(id), explain)),
    assignment: { ...(gateway && { gateway }), reason },
  };
}

function peerReport(device: Device, clock: Clock, id: EntityId, paired: boolean, explain: boolean): PeerReport {
  const seen = [...(device.neighbourhood.sightings.get(id)?.values() ?? [])];
  const link = device.linkTo(id);
  const capabilities = link && device.roles.capabilitiesOf(id);
  return {
    id,
    ...(capabilities?.name && { name: capabilities.name }),
    paired,
    pairing: seen.some((sighting) => sighting.pairing),
    mode: modeName(capabilities?.mode ?? seen[0]?.mode ?? Mode.Unassigned),
    sightings: seen.map(({ technology, addresses }) => ({ technology, addresses })),
    ...(link && { link: { technology: link.technology, sinceMs: Math.round(clock.monotonicMs() - link.provenAtMs) } }),
    ...(explain && capabilities && { score: scoreOf(capabilities) }),
  };
}
