import type { PnId } from '@cpns/shared';
import { type BodyOf, PneState, type sessionAcknowledgement } from '@cpns/shared/messages';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { putInventory, putPages } from './notices.js';
import type { Session } from './session.js';

/**
 * The first record of a device in a new session: it has verified hash_server. The session is used from now on, and an Unconfirmed PNE
 * becomes a member (protocol 0.13).
 * @throws CpnsError State/DiskFull and its like; then the next record tries again
 */
export async function acknowledge(context: EnablerContext, session: Session): Promise<void> {
  const { sessions, inventory, heartbeats, outbox } = context;
  const { entityId, pnId } = session;
  if (sessions.confirm(session)) {
    heartbeats.watch(session);
    outbox.resend(entityId);
    if (session.own) for (const carried of sessions.behind(entityId)) outbox.resend(carried.entityId);
  }
  if (pnId !== '') {
    await inventory.transact((tx) => {
      if (tx.pns.member(pnId, entityId)?.state !== PneState.Authenticated) return;
      tx.pns.setMemberState(pnId, entityId, PneState.Member);
      tx.events.add({ event: 'member-confirmed', text: `${entityId} is a member of the personal network ${pnId}.`, entityId, pnId });
    });
  }
  session.acknowledged = true;
}

/** Session Acknowledgement with the version that the device holds: what is missing follows. */
export async function sessionAcknowledged(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof sessionAcknowledgement>>,
): Promise<void> {
  const { inventory, outbox } = context;
  const { session, sender, body } = incoming;
  if (session === undefined || session.own) return;
  const pnId = session.pnId as PnId;
  const pages = session.furtherPages;
  session.furtherPages = [];
  const pn = inventory.reads.pns.find(pnId);
  if (pn === undefined || (pages.length === 0 && pn.version === body.inventoryVersion)) return;
  await incoming.change((tx) => {
    const present = tx.pns.find(pnId);
    if (present === undefined || tx.pns.member(pnId, sender) === undefined) return;
    if (present.version === body.inventoryVersion) putPages(context, tx, present, sender, pages);
    else putInventory(context, tx, present, sender);
  });
  outbox.flush(sender);
}
