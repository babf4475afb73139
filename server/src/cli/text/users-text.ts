import { allowsGateway } from '@cpns/shared/messages';
import { table } from '@cpns/shared/node';
import type { UserView } from '../../api/admin-port.js';

export function usersText(users: readonly UserView[]): string[] {
  if (users.length === 0) return ['There are no users. Add one with: cpns-server user add USER'];
  const rows = users.map(({ userId, subscription, devices }) => [
    userId,
    String(devices),
    allowsGateway(subscription) ? 'yes' : 'no',
    subscription.chargeable ? 'yes' : 'no',
    subscription.services.join(', '),
  ]);
  return table([['USER', 'DEVICES', 'MAY BE PN GW', 'CHARGEABLE', 'SERVICES'], ...rows]);
}
