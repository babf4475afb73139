import { peersReport, pnReport } from '@cpns/agent';
import type { SimulatedDevice } from '../device.js';
import type { Scene } from './scene.js';

/** PNs that are shown as established where this device cannot use them, in sentences; that must not be at any moment. */
export function shownTooEarly(devices: readonly SimulatedDevice[]): string[] {
  return devices.flatMap(({ id, device }) =>
    device.state.pns().flatMap((record) => {
      const { pnId, role, state, hops, serverSession } = pnReport(device, record);
      const works = role === 'PN GW' || serverSession.up || hops.every(({ up }) => up);
      return state === 'Established' && !works ? [`${id} shows ${pnId} as established before it is`] : [];
    }),
  );
}

/** What people are shown on their devices that is not so, in sentences, when everything is at rest and everybody near. */
export function shownWrongly(scene: Scene): string[] {
  return [...wrongPeers(scene), ...wrongNetworks(scene)];
}

function wrongPeers({ devices, clock }: Scene): string[] {
  const wrong: string[] = [];
  for (const { id, device } of devices) {
    for (const peer of peersReport(device, clock, false).peers) {
      const other = devices.find((candidate) => candidate.id === peer.id);
      const back = other && peersReport(other.device, clock, false).peers.find((candidate) => candidate.id === id);
      if (peer.paired && back?.paired !== true) wrong.push(`${id} shows ${peer.id} as paired, which does not show ${id} so`);
      if (peer.paired !== (peer.link !== undefined)) wrong.push(`${id} shows ${peer.id} as ${peer.paired ? 'paired and not' : ''} linked`);
    }
  }
  return wrong;
}

function wrongNetworks({ devices, server }: Scene): string[] {
  const { pns, devices: enrolled } = server.database.reads;
  const wrong: string[] = [];
  for (const { id, device } of devices) {
    if (enrolled.find(id)?.state !== 'active') continue;
    for (const record of device.state.pns()) {
      const { pnId, state, keyEpoch, hops, serverSession } = pnReport(device, record);
      const isSuspended = pns.find(pnId)?.state === 'Suspended';
      if (!isSuspended && state !== 'Established') wrong.push(`${id} shows ${pnId} as ${state}`);
      if (state !== 'Established') continue;
      if (keyEpoch === 0) wrong.push(`${id} shows ${pnId} as established without a PN key`);
      if (!serverSession.up) wrong.push(`${id} shows ${pnId} as established without a session with the server`);
      for (const { pne, up } of hops) if (!up) wrong.push(`${id} shows ${pnId} as established without a protected hop of ${pne}`);
    }
  }
  return wrong;
}
