import { DeviceState } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { everybody, type Invariant, type World } from './world.js';

/** Whoever comes into a PN that stands does not get to know the PN keys from before (security.md section 6, 5). */
export const newcomers: Invariant = {
  name: 'newcomers do not know older keys',
  violations(world) {
    const { founders, added } = world.server.changes;
    const firstEntries = new Map(added.toReversed().map((entry) => [`${entry.pnId} ${entry.entityId}`, entry]));
    const wrong: string[] = [];
    for (const [name, { pnId, entityId, keyEpoch }] of firstEntries) {
      if (founders.has(name)) continue;
      const lowest = Math.min(...epochsEverStored(world, entityId, pnId));
      if (lowest <= keyEpoch)
        wrong.push(`${entityId} came into ${pnId} when its key had epoch ${keyEpoch}, and knows that of epoch ${lowest}`);
    }
    return wrong;
  },
};

function epochsEverStored(world: World, id: EntityId, pnId: PnId): number[] {
  const epochs: number[] = [];
  for (const { store } of everybody(world).filter((device) => device.id === id)) {
    for (const commit of store.commits) {
      const octets = commit.get(`pn/${pnId}`);
      if (octets === undefined) continue;
      const past = new DeviceState({ get: () => octets.slice(), keys: () => [], commit: async () => {} });
      const record = past.pn(pnId);
      if (record?.pnKey !== undefined) epochs.push(record.pnKeyEpoch);
    }
  }
  return epochs;
}
