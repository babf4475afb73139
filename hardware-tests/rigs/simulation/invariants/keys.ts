import { DeviceState } from '@cpns/agent';
import type { EntityId, PnId } from '@cpns/shared';
import { isGateway } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { MemoryStore } from '@cpns/shared/testing';
import type { SimulatedDevice } from '../device.js';
import { everybody, type Invariant, isTold, type World } from './world.js';

/** Nobody holds a key of a PN that it is not in: neither stored nor in memory, and no old copy of one that is still in use. */
export const keys: Invariant = {
  name: 'keys are held by members only',
  violations(world) {
    const rights = rightsIn(world);
    return [
      ...world.devices.flatMap((device) => [...keptWithoutRight(world, device, rights), ...sessionsWithoutRight(world, device, rights)]),
      ...currentKeysOfOthers(world, rights),
    ];
  },
};

/** Who may hold keys, by PN: the gateway and the members that the server lists. */
function rightsIn({ server }: World): ReadonlyMap<PnId, ReadonlySet<EntityId>> {
  const { pns } = server.database.reads;
  const idsOf = (pnId: PnId, gateway: EntityId) => new Set([gateway, ...pns.members(pnId).map((member) => member.entityId)]);
  return new Map(pns.list().map(({ pnId, gateway }) => [pnId, idsOf(pnId, gateway)]));
}

type Rights = ReturnType<typeof rightsIn>;

/**
 * What a device holds of a PN that it was not told to be out of counts as long as it can be told. One that has lost that PN, and with it
 * the role to another device, carries no word of the server until it is PN GW again.
 */
function isPardoned(world: World, device: SimulatedDevice, pnId: PnId): boolean {
  const record = device.device.state.pn(pnId);
  if (record === undefined) return false;
  const gateway = world.devices.find(({ id }) => id === record.gateway)?.device;
  const hasLostRole = gateway !== undefined && gateway.state.pn(pnId) === undefined && !isGateway(gateway.roles.mode);
  return hasLostRole || !isTold(world, device, record.gateway);
}

function keptWithoutRight(world: World, device: SimulatedDevice, rights: Rights): string[] {
  const { id, store } = device;
  const kept = [...store.keys('pn/'), ...store.keys('lk/'), ...store.keys('replay/')];
  const unfounded = kept.filter((key) => {
    const pnId = key.split('/')[1] as PnId;
    return !rights.get(pnId)?.has(id) && !isPardoned(world, device, pnId);
  });
  return unfounded.map((key) => `${id} keeps ${key} and is not in that PN`);
}

function sessionsWithoutRight(world: World, self: SimulatedDevice, rights: Rights): string[] {
  const { id, device, store } = self;
  const everKnown = store.commits.flatMap((commit) => [...commit.keys()]).filter((key) => key.startsWith('pn/'));
  const pnIds = new Set([...everKnown.map((key) => key.slice('pn/'.length) as PnId), ...rights.keys()]);
  return [...pnIds].flatMap((pnId) => {
    if (isPardoned(world, self, pnId)) return [];
    const members = rights.get(pnId);
    const open = device.linkedPeers().filter((peer) => device.linkTo(peer)?.hasPan(pnId));
    const withOthers = open.filter((peer) => !members?.has(id) || !members.has(peer));
    const sessions = withOthers.map((peer) => `${id} has a PAN session of ${pnId} with ${peer}, and not both are in it`);
    if (device.hasServerSession(pnId) && !members?.has(id))
      sessions.push(`${id} has a session with the server for ${pnId} and is not in it`);
    return sessions;
  });
}

/** Whoever was in a PN once must not know the key that it has now. */
function currentKeysOfOthers(world: World, rights: Rights): string[] {
  const wrong = new Set<string>();
  for (const { pnId, gateway, state } of world.server.database.reads.pns.list()) {
    // Nobody was given the key that a suspended PN has now.
    if (state === 'Suspended') continue;
    const current = world.devices.find(({ id }) => id === gateway)?.device.state.pn(pnId)?.pnKey;
    if (current === undefined) continue;
    for (const { id, store } of everybody(world)) {
      if (rights.get(pnId)?.has(id)) continue;
      if (keysEverStored(store, pnId).has(toHex(current))) wrong.add(`${id} is not in ${pnId} and knows the key that it has now`);
    }
  }
  return [...wrong];
}

function keysEverStored(store: MemoryStore, pnId: PnId): Set<string> {
  const found = new Set<string>();
  for (const commit of store.commits) {
    const octets = commit.get(`pn/${pnId}`);
    if (octets === undefined) continue;
    const past = new DeviceState({ get: () => octets.slice(), keys: () => [], commit: async () => {} });
    const key = past.pn(pnId)?.pnKey;
    if (key !== undefined) found.add(toHex(key));
  }
  return found;
}
