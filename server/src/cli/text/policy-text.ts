import { table } from '@cpns/shared/node';
import type { InvitationView, PolicyView } from '../../api/policy-port.js';

const GUESTS: Readonly<Record<PolicyView['guests'], string>> = {
  ask: 'ask: the PN GW invites them, or its owner is asked',
  invited: 'invited: only by an invitation',
  never: 'never: nobody, whatever is invited',
};
const CHARGES: Readonly<Record<PolicyView['chargeElsewhere'], string>> = {
  ask: 'ask: the PN GW of this user is asked each time',
  never: 'never: nobody is asked',
};

export function policyText({ userId, guests, chargeElsewhere, invitations }: PolicyView): string[] {
  return [
    ...table([
      ['User', userId],
      ['Guests', GUESTS[guests]],
      ['Charge elsewhere', CHARGES[chargeElsewhere]],
      ...(invitations.length === 0 ? [['Open invitations', 'none']] : []),
    ]),
    ...(invitations.length === 0 ? [] : ['', ...table([['OPEN INVITATION FOR', 'INTO', 'UNTIL'], ...invitations.map(row)])]),
  ];
}

function row({ device, user, pnId, until }: InvitationView): string[] {
  return [device ?? `every device of ${user}`, pnId ?? 'every personal network', until ?? 'withdrawn'];
}
