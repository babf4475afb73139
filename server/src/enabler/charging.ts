import type { EntityId } from '@cpns/shared';
import { type Status, statusName } from '@cpns/shared/messages';
import type { Tx } from '../inventory/database.js';
import type { Run } from './challenges.js';
import { requireGatewayRight } from './hello-check.js';

/** What a PNE is charged for in a PN: being in it. */
export const PN_SERVICE = 'pn';

/**
 * One charging event for each PNE that proved itself and was to come into a PN (requirement CHG-3), within the transaction that decides
 * about it: it was let in, or why it was not.
 */
export function recordCharges(
  tx: Tx,
  { gateway, pnId }: Pick<Run, 'gateway' | 'pnId'>,
  outcomes: Iterable<readonly [EntityId, Status]>,
): void {
  const { user } = requireGatewayRight(tx, gateway);
  for (const [pne, status] of outcomes) {
    const owner = tx.users.find(tx.devices.find(pne)?.userId ?? user.userId);
    if (owner === undefined) continue;
    tx.charging.add({
      pne,
      userId: owner.userId,
      subscriptionId: owner.subscription.subscriptionId,
      pnId,
      gateway,
      gatewayUser: user.userId,
      service: PN_SERVICE,
      result: statusName(status),
    });
  }
}
