import type { EntityId } from '@cpns/shared';
import { RemoveReason } from '@cpns/shared/messages';
import type { EnablerContext } from './context.js';
import { leaveGroups } from './groups/removal.js';
import { removeMembers } from './membership.js';
import { newPnKey } from './pn-key.js';

/**
 * Revocation of a device (protocol 0.17): one transaction takes away its key and its memberships and suspends the PNs of which it is
 * PN GW, with a new PN key; with it go challenges, sessions, what waits for it and its connection. Its open requests fail, since each transaction looks
 * whether its sender is still active.
 * @throws CpnsError State/UnknownDevice
 */
export async function revokeDevice(context: EnablerContext, entityId: EntityId): Promise<void> {
  const { inventory, challenges, sessions, outbox, broker } = context;
  await inventory.transact((tx) => {
    tx.devices.revoke(entityId);
    tx.keys.deactivateEuKeys(entityId);
    tx.pns.removePendingOf(entityId);
    leaveGroups(context, tx, tx.groups.ofMember(entityId));
    for (const pn of tx.pns.ofGateway(entityId)) {
      tx.pns.suspend(pn.pnId, newPnKey(context, pn.pnId, pn.keyEpoch + 1));
      const text = `The personal network ${pn.pnId} is suspended, since its PN GW ${entityId} was revoked.`;
      tx.events.add({ event: 'pn-suspended', text, entityId, pnId: pn.pnId });
    }
    for (const pn of tx.pns.ofMember(entityId)) {
      removeMembers(context, tx, pn, [entityId], { reason: RemoveReason.Revoked, tellGateway: true, tellRemoved: true });
    }
    tx.outbox.removeFor(entityId);
    tx.invitations.forget(entityId);
    // After its removal from the PNs, which still tells it so in its sessions.
    tx.afterCommit(() => {
      challenges.abortDevice(entityId);
      sessions.dropDevice(entityId);
      outbox.forget(entityId);
    });
    tx.events.add({ event: 'device-revoked', text: `${entityId} was revoked.`, entityId });
  });
  await broker.disconnect(entityId);
}
