import type { EntityId } from '@cpns/shared';
import { PneState } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { SimulatedDevice } from '../device.js';
import { type Invariant, isTold, type World } from './world.js';

/** The server, the gateways and the PNEs have the same inventory of every PN. */
export const agreement: Invariant = {
  name: 'inventories agree',
  violations: (world) => world.server.database.reads.pns.list().flatMap((pn) => disagreementsAbout(world, pn)),
};

type Pn = ReturnType<World['server']['database']['reads']['pns']['list']>[number];

function disagreementsAbout(world: World, pn: Pn): string[] {
  const { pnId, gateway } = pn;
  const { devices, server } = world;
  const members = server.database.reads.pns.members(pnId);
  const ids = [gateway, ...members.map((member) => member.entityId)];
  const unconfirmed = members.filter(({ state }) => state !== PneState.Member);
  const concerned = devices.filter((device) => ids.includes(device.id) && isTold(world, device, gateway));
  return [
    ...unconfirmed.map(({ entityId }) => `${entityId} is not confirmed in ${pnId}`),
    ...concerned.flatMap((device) => disagreementsOf(device, pn, ids, devices)),
  ];
}

function disagreementsOf({ id, device, store }: SimulatedDevice, pn: Pn, ids: readonly EntityId[], devices: readonly SimulatedDevice[]) {
  const { pnId, gateway, version, keyEpoch, state } = pn;
  const record = device.state.pn(pnId);
  if (record === undefined) return [`${id} is in ${pnId} and does not know it`];
  const wrong: string[] = [];
  const own = record.members.map((member) => member.entityId).sort();
  if (own.join() !== [...ids].sort().join()) wrong.push(`${id} believes ${own.join()} to be in ${pnId}, not ${ids.join()}`);
  if (record.inventoryVersion !== version) wrong.push(`${id} has version ${record.inventoryVersion} of ${pnId}, not ${version}`);
  // The key of a suspended PN is new, since its PN GW knows the one before, and there is nobody to hand it out.
  const suspended = state === 'Suspended';
  if (record.pnKeyEpoch !== keyEpoch && !suspended) wrong.push(`${id} has key epoch ${record.pnKeyEpoch} of ${pnId}, not ${keyEpoch}`);
  const key = devices.find((other) => other.id === gateway)?.device.state.pn(pnId)?.pnKey;
  if (toHex(record.pnKey ?? new Uint8Array()) !== toHex(key ?? new Uint8Array())) wrong.push(`${id} has another key of ${pnId}`);
  const peers = store.keys(`lk/${pnId}/`).map((name) => name.split('/')[2]);
  const expected = id === gateway ? ids.slice(1) : [gateway];
  if (peers.join() !== expected.sort().join()) wrong.push(`${id} has LocalEUKeys of ${pnId} with ${peers.join()}, not ${expected.join()}`);
  return wrong;
}
