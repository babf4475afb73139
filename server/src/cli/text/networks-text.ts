import { table } from '@cpns/shared/node';
import type { GatewayView, PnView } from '../../api/admin-port.js';

export function gatewaysText(gateways: readonly GatewayView[]): string[] {
  if (gateways.length === 0) return ['No device has been PN GW yet.'];
  const rows = gateways.map((gateway) => [
    gateway.entityId,
    gateway.userId,
    gateway.connected ? 'yes' : 'no',
    gateway.authenticatedAt ?? '-',
    gateway.pns.join(', ') || '-',
  ]);
  return table([['PN GW', 'USER', 'CONNECTED', 'AUTHENTICATED', 'PNS'], ...rows]);
}

export function pnsText(pns: readonly PnView[]): string[] {
  if (pns.length === 0) return ['There are no personal networks. Make one on a device with: cpns-agent pn create --all'];
  const rows = pns.map((pn) => [pn.pnId, pn.state, pn.gateway, String(pn.members.length), String(pn.inventoryVersion)]);
  return table([['PN', 'STATE', 'PN GW', 'MEMBERS', 'VERSION'], ...rows]);
}

export function pnText(pn: PnView): string[] {
  return [
    ...table([
      ['PN', pn.pnId],
      ['State', pn.state],
      ['PN GW', pn.gateway],
      ['Made by', `${pn.initiator}, ${pn.createdAt}`],
      ['Inventory', `version ${pn.inventoryVersion}`],
      ['PN key', `epoch ${pn.keyEpoch}`],
    ]),
    '',
    ...table([
      ['MEMBER', 'USER', 'STATE', 'CPNS ID', 'AUTHENTICATED'],
      ...pn.members.map((member) => [member.entityId, member.userId, member.state, member.cpnsId, member.authenticatedAt]),
    ]),
  ];
}
