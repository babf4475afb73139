import { type EntityId, sgId } from '@cpns/shared';
import { GROUP_KEY_NODE, LEAVES_MAX } from '@cpns/shared/security';
import { describe, expect, it } from 'vitest';
import type { Tx } from '../../src/inventory/database.js';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase } from './fixture.js';
import { limits } from './limits.js';

const family = sgId('f'.repeat(32));
const club = sgId('c'.repeat(32));

function create(tx: Tx, id = family, owner: EntityId = laptop) {
  return tx.groups.create({ sgId: id, name: `group of ${owner}`, owner, ownerUser: alice, serviceId: undefined, open: false, objects: [] });
}

function world(tx: Tx): void {
  addAlice(tx);
  addHome(tx, [laptop, board]);
  create(tx);
  const add = [
    { entityId: laptop, pnId: home, gateway: phone, leaf: 0 },
    { entityId: phone, pnId: undefined, gateway: phone, leaf: 1 },
  ];
  tx.groups.change(family, { add, remove: [], epoch: 1 });
}

describe('SG Inventory', () => {
  it('counts members, versions and epochs as they change', async () => {
    const { db } = testDatabase();
    await db.transact(world);
    expect(db.reads.groups.find(family)).toMatchObject({ owner: laptop, ownerUser: alice, epoch: 1, version: 1, memberCount: 2 });
    const add = [{ entityId: board, pnId: home, gateway: phone, leaf: 2 }];
    await db.transact((tx) => tx.groups.change(family, { add, remove: [phone], epoch: 5 }));
    expect(db.reads.groups.find(family)).toMatchObject({ epoch: 5, version: 2, memberCount: 2 });
    expect(db.reads.groups.members(family)).toMatchObject([
      { entityId: laptop, pnId: home, gateway: phone, leaf: 0 },
      { entityId: board, leaf: 2 },
    ]);
    expect(db.reads.groups.gateways(family)).toEqual([{ gateway: phone, members: 2 }]);
    expect(db.reads.groups.member(family, phone)).toBeUndefined();
    expect(db.reads.groups.through(home, board)).toHaveLength(1);
    await db.transact((tx) => tx.groups.change(family, { add: [], remove: [laptop, board], epoch: 6 }));
    expect(db.reads.groups.gateways(family)).toEqual([]);
  });

  it('does not let a PN go while somebody is in a group through it', async () => {
    const { db } = testDatabase();
    await db.transact(world);
    await expect(db.transact((tx) => tx.pns.remove(home))).rejects.toThrow();
    expect(db.reads.pns.find(home)).toBeDefined();
    await db.transact((tx) => tx.groups.change(family, { add: [], remove: [laptop], epoch: 2 }));
    await db.transact((tx) => tx.pns.remove(home));
    expect(db.reads.groups.find(family)?.memberCount).toBe(1);
  });

  it('gives the lowest leaf without a key, and counts its version on', async () => {
    const { db } = testDatabase();
    await db.transact(world);
    await db.transact((tx) => {
      const nodes = tx.groups.nodes(family);
      expect(nodes.lowestFreeLeaf()).toBe(0);
      for (const leaf of [0, 1, 2]) nodes.put(leaf, { version: 1, sealed: octets(48) });
      nodes.put(GROUP_KEY_NODE, { version: 1, sealed: octets(48) });
      expect(nodes.lowestFreeLeaf()).toBe(3);
      nodes.put(1, { version: 1, sealed: undefined });
      expect(nodes.lowestFreeLeaf()).toBe(1);
      expect(nodes.get(1)).toEqual({ version: 1, sealed: undefined });
      nodes.put(LEAVES_MAX - 1, { version: 1, sealed: octets(48) });
      nodes.put(1, { version: 2, sealed: octets(48) });
      expect(nodes.lowestFreeLeaf()).toBe(LEAVES_MAX);
      nodes.setHeight(8);
    });
    expect(db.reads.groups.nodes(family).height()).toBe(8);
  });

  it('has room for as many members, and as many groups of a device, as the limits say', async () => {
    const { db } = testDatabase({ limits: { ...limits, membersPerGroup: 2, groupsPerDevice: 1 } });
    await db.transact(world);
    const add = [{ entityId: board, pnId: home, gateway: phone, leaf: 2 }];
    await expect(db.transact((tx) => tx.groups.change(family, { add, remove: [], epoch: 2 }))).rejects.toMatchObject({
      code: 'TooManySgMembers',
    });
    const again = [{ entityId: laptop, pnId: home, gateway: phone, leaf: 0 }];
    await expect(
      db.transact((tx) => {
        create(tx, club);
        tx.groups.change(club, { add: again, remove: [], epoch: 1 });
      }),
    ).rejects.toMatchObject({ code: 'TooManySgs' });
    expect(db.reads.groups.list()).toHaveLength(1);
    expect(db.reads.groups.find(family)).toMatchObject({ epoch: 1, memberCount: 2 });
  });

  it('goes with all that belongs to it', async () => {
    const { db } = testDatabase();
    await db.transact(world);
    await db.transact((tx) => tx.groups.nodes(family).put(0, { version: 1, sealed: octets(48) }));
    await db.transact((tx) => tx.groups.remove(family));
    expect(db.reads.groups.ofMember(laptop)).toEqual([]);
    await db.transact((tx) => {
      create(tx, family);
      expect(tx.groups.nodes(family).get(0)).toBeUndefined();
      expect(tx.groups.gateways(family)).toEqual([]);
    });
    await expect(db.transact((tx) => create(tx, family))).rejects.toMatchObject({ code: 'DuplicateSg' });
  });

  it('raises epochs, versions and node versions after a restore', async () => {
    const { db } = testDatabase();
    await db.transact(world);
    await db.transact((tx) => tx.groups.nodes(family).put(0, { version: 3, sealed: octets(48) }));
    await db.transact((tx) => tx.groups.raiseAll(2 ** 32, 2 ** 20));
    expect(db.reads.groups.find(family)).toMatchObject({ epoch: 2 ** 32 + 1, version: 2 ** 32 + 1 });
    expect(db.reads.groups.nodes(family).get(0)?.version).toBe(2 ** 20 + 3);
  });
});
