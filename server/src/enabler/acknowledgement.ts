import type { PnId } from '@cpns/shared';
import { type BodyOf, PneState, type sessionAcknowledgement } from '@cpns/shared/messages';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { putInventory } from './notices.js';
import type { Session } from './session.js';

/**
 * The first record of a device in a new session: it has verified hash_server. The session is used from now on, and an Unconfirmed PNE
 * becomes a member (protocol 0.13).
 * @throws CpnsError State/DiskFull and its like; then the next record tries again
 */
export async function acknowledge(context: EnablerContext, session: Session): Promise<void> {
  const { sessions, inventory, heartbeats, capabilitiesQueries, outbox, keptDelivery } = context;
  const { entityId, pnId } = session;
  if (sessions.confirm(session)) {
    heartbeats.begin(session);
    if (session.own) capabilitiesQueries.watch(session);
    outbox.resend(entityId);
    const behind = session.own ? sessions.behind(entityId) : [];
    for (const carried of new Set(behind.map((one) => one.entityId))) outbox.resend(carried);
    for (const one of behind) keptDelivery.begin(context, one);
  }
  if (pnId !== '') {
    await inventory.transact((tx) => {
      if (!tx.pns.setMemberState(pnId, entityId, PneState.Member)) return;
      tx.events.add({ event: 'member-confirmed', text: `${entityId} is a member of the personal network ${pnId}.`, entityId, pnId });
    });
  }
  session.acknowledged = true;
}

/** Session Acknowledgement with the version of which the device holds the whole: when that is not the present one, it follows. */
export async function sessionAcknowledged(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof sessionAcknowledgement>>,
): Promise<void> {
  const { inventory, outbox } = context;
  const { session, sender, body } = incoming;
  if (session === undefined || session.own) return;
  const pnId = session.pnId as PnId;
  if (inventory.reads.pns.find(pnId)?.version === body.inventoryVersion) return;
  await incoming.change((tx) => {
    const pn = tx.pns.find(pnId);
    if (pn !== undefined && tx.pns.member(pnId, sender) !== undefined) putInventory(context, tx, pn, sender);
  });
  outbox.flush(sender);
}
