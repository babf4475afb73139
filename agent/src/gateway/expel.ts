import { CpnsError, describeError, type EntityId, type PnId, sleep } from '@cpns/shared';
import { ack, pneNotificationExpel, RemoveReason, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { carryOutRemovals, markRemoved } from './membership.js';
import { requireEstablished } from './routing-table.js';

/** A PNE that is there has said by then that it has heard; the server waits no longer for one that does not. */
const TELL_FIRST_MS = 500;

/**
 * Expels a PNE (seed 003 figure 16, protocol e.9): its traffic and its route are gone at once and for good, also when this device
 * restarts; then it is told, and the server asked until it answers. Resolves with whether the server has answered.
 * @throws CpnsError State/UnknownPn, State/UnknownPne, State/DiskFull
 */
export async function expel(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<boolean> {
  const record = requireEstablished(context, pnId, context.identity.id);
  if (!record.members.some((member) => member.entityId === pne && !member.gateway))
    throw new CpnsError('State', 'UnknownPne', `${pne} is not in personal network ${pnId}.`, { status: Status.UnknownPne });
  await markRemoved(context, pnId, [pne], RemoveReason.Expelled);

  // 1. The PN GW sends PNE Notification (Expel) to PNE; where the server is to agree first, that tells it, sealed
  if (!context.settings.expelAfterUpdate) await Promise.race([tell(context, pnId, pne), sleep(context.clock, TELL_FIRST_MS)]);

  // 2 to 4. PN Update Request and Response; 5. The PN GW updates PN Inventory locally
  await carryOutRemovals(context, pnId);
  return !context.removals.has(pnId, pne);
}

/** Under SK_L, where its word counts; a PNE that is not there learns from the server that it is out. */
async function tell(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<void> {
  const link = context.linkTo(pne);
  if (link === undefined || !link.hasPan(pnId)) return;
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  const notice = { pnId: pnIdOctets(pnId), reason: RemoveReason.Expelled };
  try {
    await link.exchange.request(pneNotificationExpel, notice, [ack], { kind: 'pan', pnId }, options);
  } catch (error) {
    context.logger.info('a PNE did not say that it has heard of its expulsion', { pne, pn: pnId, why: describeError(error) });
  } finally {
    context.endPans(pne, pnId);
  }
}
