import { DeviceState } from '@cpns/agent';
import type { SgId } from '@cpns/shared';
import { GROUP_KEY_NODE, toHex } from '@cpns/shared/security';
import type { MemoryStore } from '@cpns/shared/testing';
import { reachedMembers } from './group-agreement.js';
import { everybody, type Invariant, isTold, type World } from './world.js';

const KEYS = 'sg-keys/';

/** Nobody holds keys of a service group that it is not in, and nobody who was in it once has ever held the key that it has now. */
export const groupKeys: Invariant = {
  name: 'Group Keys are held by members only',
  violations: (world) => [...keptWithoutRight(world), ...presentKeysOfOthers(world), ...keysAtCarriers(world)],
};

function isMember({ server }: World, id: string, sgId: SgId): boolean {
  return server.database.reads.groups.members(sgId).some(({ entityId }) => entityId === id);
}

function keptWithoutRight(world: World): string[] {
  return world.devices.flatMap((device) => {
    if (!isTold(world, device, device.id)) return [];
    const kept = device.store.keys(KEYS).map((key) => key.slice(KEYS.length) as SgId);
    const unfounded = kept.filter((sgId) => !isMember(world, device.id, sgId) && device.device.state.group(sgId) === undefined);
    return unfounded.map((sgId) => `${device.id} keeps keys of ${sgId} and is not in it`);
  });
}

/** Every key of a group that a store has ever held: leaf, path and Group Keys. */
function keysEverStored(store: MemoryStore, sgId: SgId): Set<string> {
  const found = new Set<string>();
  for (const commit of store.commits) {
    const octets = commit.get(KEYS + sgId);
    if (octets === undefined) continue;
    const past = new DeviceState({ get: () => octets.slice(), keys: () => [], commit: async () => {} });
    const keys = past.groupKeys(sgId);
    if (keys === undefined) continue;
    for (const { key } of keys.keys.values()) found.add(toHex(key.reveal()));
  }
  return found;
}

/** Whoever was in a group once must know neither the key that it has now nor any that leads to it, but for those who are in it. */
function presentKeysOfOthers(world: World): string[] {
  const wrong = new Set<string>();
  for (const { sgId } of world.server.database.reads.groups.list()) {
    const present = new Map<string, string>();
    for (const { device } of reachedMembers(world, sgId)) {
      const keys = device.state.groupKeys(sgId)?.keys ?? new Map();
      for (const [node, { key }] of keys) present.set(toHex(key.reveal()), node === GROUP_KEY_NODE ? 'Group Key' : `key of node ${node}`);
    }
    for (const { id, store } of everybody(world)) {
      if (isMember(world, id, sgId)) continue;
      for (const key of keysEverStored(store, sgId)) {
        const what = present.get(key);
        if (what !== undefined) wrong.add(`${id} is not in ${sgId} and knows the ${what} that it has now`);
      }
    }
  }
  return [...wrong];
}

/** No key of a group is anywhere in the store of a device that has never been in it, as it is or in another record. */
function keysAtCarriers(world: World): string[] {
  const wrong = new Set<string>();
  const all = everybody(world);
  const sgIds = new Set(
    all.flatMap(({ store }) => store.commits.flatMap((commit) => [...commit.keys()])).filter((key) => key.startsWith(KEYS)),
  );
  for (const name of sgIds) {
    const sgId = name.slice(KEYS.length) as SgId;
    const keys = new Set(all.flatMap(({ store }) => [...keysEverStored(store, sgId)]));
    for (const { id, store } of all) {
      const hasBeenIn = all.some((other) => other.id === id && other.store.commits.some((commit) => commit.has(name)));
      if (hasBeenIn) continue;
      const octets = store.keys('').map((key) => toHex(store.get(key) ?? new Uint8Array()));
      for (const key of keys)
        if (octets.some((text) => text.includes(key))) wrong.add(`${id} has never been in ${sgId} and stores a key of it`);
    }
  }
  return [...wrong];
}
