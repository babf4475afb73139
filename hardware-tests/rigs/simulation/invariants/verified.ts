import { DeviceState, PnRole } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { everybody, type Invariant, type World } from './world.js';

/** Nobody is a PNE of a PN that did not verify a hash_server for it. */
export const verified: Invariant = {
  name: 'every PNE has verified the server',
  violations(world) {
    const { witness, server } = world;
    if (witness === undefined) return [];
    const { pns } = server.database.reads;
    const wrong: string[] = [];
    for (const id of new Set(everybody(world).map((device) => device.id))) {
      const entered = new Set([...pns.ofMember(id).map(({ pnId }) => pnId), ...pnsEntered(world, id)]);
      const times = witness.verifications(id);
      if (times < entered.size) wrong.push(`${id} was in ${entered.size} PNs and verified the server ${times} times`);
    }
    return wrong;
  },
};

/** PNs that a device has ever stored as their PNE. */
function pnsEntered(world: World, id: EntityId): Set<PnId> {
  const entered = new Set<PnId>();
  for (const { store } of everybody(world).filter((device) => device.id === id)) {
    for (const commit of store.commits) {
      for (const [key, octets] of commit) {
        if (!key.startsWith('pn/') || octets === undefined) continue;
        const pnId = key.slice('pn/'.length) as PnId;
        const then = new DeviceState({ get: () => octets.slice(), keys: () => [], commit: async () => {} });
        if (then.pn(pnId)?.role === PnRole.Pne) entered.add(pnId);
      }
    }
  }
  return entered;
}
