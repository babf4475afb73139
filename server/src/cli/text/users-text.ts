import { allowsGateway } from '@cpns/shared/messages';
import { table } from '@cpns/shared/node';
import type { UserView } from '../../api/admin-port.js';

/** Devices of a user that are named. */
const NAMED = 4;

export function usersText(users: readonly UserView[]): string[] {
  if (users.length === 0) return ['There are no users. Add one with: cpns-server user add USER'];
  const rows = users.map(({ userId, subscription, policy, owns }) => [
    userId,
    named(owns),
    allowsGateway(subscription) ? 'yes' : 'no',
    subscription.chargeable ? 'yes' : 'no',
    policy.guests,
    policy.chargeElsewhere,
    subscription.services.join(', ') || '-',
  ]);
  return table([['USER', 'DEVICES', 'MAY BE PN GW', 'CHARGEABLE', 'GUESTS', 'CHARGE ELSEWHERE', 'SERVICES'], ...rows]);
}

function named(owns: UserView['owns']): string {
  const rest = owns.length - NAMED;
  return owns.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '') || '-';
}
