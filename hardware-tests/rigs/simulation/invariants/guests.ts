import type { Invariant } from './world.js';

/** Nobody's device is in a PN of somebody else's without a word of its owner, who needs another device to say it (protocol e.16). */
export const guests: Invariant = {
  name: 'guests have the word of their owners',
  violations({ server }) {
    const { devices, pns } = server.database.reads;
    return pns.list().flatMap(({ pnId, gateway }) => {
      const strangers = pns.members(pnId).filter(({ userId }) => userId !== devices.find(gateway)?.userId);
      const unspoken = strangers.filter(({ userId }) => devices.list(userId).length === 1);
      return unspoken.map(({ entityId, userId }) => `${entityId} is in ${pnId}, and ${userId} has no device that could have agreed`);
    });
  },
};
