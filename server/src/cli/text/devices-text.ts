import { table } from '@cpns/shared/node';
import type { DeviceView } from '../../api/admin-port.js';

export function devicesText(devices: readonly DeviceView[]): string[] {
  if (devices.length === 0) return ['There are no devices. Add one with: cpns-server device add DEVICE --user USER'];
  const rows = devices.map((device) => [
    device.entityId,
    device.userId,
    device.state,
    device.connected ? 'yes' : 'no',
    device.mode ?? '-',
    String(device.pns.length),
    device.lastSeenAt ?? '-',
  ]);
  return table([['DEVICE', 'USER', 'STATE', 'CONNECTED', 'MODE', 'PNS', 'LAST SEEN'], ...rows]);
}

export function deviceText(device: DeviceView): string[] {
  return table([
    ['Device', device.entityId],
    ['User', device.userId],
    ['State', device.state],
    ['Connected', device.connected ? 'yes' : 'no'],
    ['Mode', device.mode ?? 'not reported'],
    ['CPNS ID', device.cpnsId ?? 'allocated at the first registration'],
    ['EUKey', `kid ${device.kid}`],
    ['Last seen', device.lastSeenAt ?? 'never'],
    ...device.pns.map((pnId) => ['PN', pnId]),
  ]);
}
