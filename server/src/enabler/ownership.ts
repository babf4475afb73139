import { CpnsError, type EntityId, type UserId } from '@cpns/shared';
import type { EnablerContext } from './context.js';
import { leaveGroups } from './groups/removal.js';

/**
 * Gives a device that is in no PN to another user, in one transaction: what waits for it, and invitations that name it, were meant for
 * its user before. It keeps its key, and connects anew to learn its subscription.
 * @throws CpnsError State/UnknownDevice, State/UnknownUser, State/DeviceRevoked, State/DeviceInPn
 */
export async function moveDevice(context: EnablerContext, entityId: EntityId, userId: UserId): Promise<void> {
  const { inventory, challenges, sessions, outbox, broker } = context;
  const moved = await inventory.transact((tx) => {
    const before = tx.devices.find(entityId)?.userId;
    const [pn] = [...tx.pns.ofGateway(entityId), ...tx.pns.ofMember(entityId)];
    if (pn !== undefined) {
      const sentence = `Device "${entityId}" is in the personal network ${pn.pnId}: take it out first, or end that with "cpns-server pn remove ${pn.pnId}".`;
      throw new CpnsError('State', 'DeviceInPn', sentence);
    }
    tx.devices.move(entityId, userId);
    if (before === userId) return false;
    tx.pns.removePendingOf(entityId);
    tx.outbox.removeFor(entityId);
    leaveGroups(context, tx, tx.groups.ofMember(entityId));
    tx.invitations.forget(entityId);
    tx.afterCommit(() => {
      challenges.abortDevice(entityId);
      sessions.dropDevice(entityId);
      outbox.forget(entityId);
    });
    tx.events.add({ event: 'device-moved', text: `Device "${entityId}" of "${before}" belongs to "${userId}" now.`, entityId });
    return true;
  });
  if (moved) await broker.disconnect(entityId);
}

/** Removes a user without devices; members of the PNs that go with him leave the groups reached through those. @throws CpnsError State/UnknownUser, State/UserHasDevices */
export async function removeUser(context: EnablerContext, userId: UserId): Promise<void> {
  await context.inventory.transact((tx) => {
    const pns = tx.devices.list(userId).flatMap(({ entityId }) => tx.pns.ofGateway(entityId));
    for (const { pnId } of pns) leaveGroups(context, tx, tx.groups.through(pnId));
    tx.users.remove(userId);
    tx.events.add({ event: 'user-removed', text: `User "${userId}" was removed.` });
  });
}

/** Ends the connections of a user's devices: they connect anew at once, and PN GWs among them learn what their subscription is now. */
export async function renewConnections({ inventory, present, broker }: EnablerContext, userId: UserId): Promise<void> {
  const connected = inventory.reads.devices.list(userId).filter(({ entityId }) => present.has(entityId));
  await Promise.all(connected.map(({ entityId }) => broker.disconnect(entityId)));
}
