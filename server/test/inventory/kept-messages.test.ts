import { type EntityId, sgId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { InventoryLimits } from '../../src/inventory/context.js';
import type { Tx } from '../../src/inventory/database.js';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase, testDirectory } from './fixture.js';
import { limits } from './limits.js';

const family = sgId('f'.repeat(32));
const HEADER_OCTETS = 8;

/** Laptop and phone are in it since epoch 1, the board since epoch 3. */
function world(tx: Tx): void {
  addAlice(tx);
  addHome(tx, [laptop, board]);
  tx.groups.create({ sgId: family, name: 'family', owner: laptop, ownerUser: alice, serviceId: undefined, open: false, objects: [] });
  const members = [
    { entityId: laptop, pnId: home, gateway: phone, leaf: 0 },
    { entityId: phone, pnId: undefined, gateway: phone, leaf: 1 },
  ];
  tx.groups.change(family, { add: members, remove: [], epoch: 1 });
  tx.groups.change(family, { add: [{ entityId: board, pnId: home, gateway: phone, leaf: 2 }], remove: [], epoch: 3 });
}

async function filled(changed: Partial<InventoryLimits> = {}, path = ':memory:') {
  const { db, clock } = testDatabase({ path, limits: { ...limits, ...changed } });
  await db.transact(world);
  const keep = (message: number, members: readonly EntityId[], { epoch = 3, length = 100, place = db.reads.kept.nextPlace() } = {}) =>
    db.transact((tx) => {
      const sealed = octets(length, 1);
      sealed.set([message], 0);
      tx.kept.keep({ place, sgId: family, epoch, message: sealed, headerOctets: HEADER_OCTETS, receivedMs: message, members });
    });
  const next = (member: EntityId, limit = 10, octets = 10_000) => {
    const batch = db.reads.kept.next(family, member, limit, octets);
    return batch && { epoch: batch.epoch, messages: batch.messages.map(({ message }) => message[0]), lost: batch.lost };
  };
  const got = (member: EntityId, limit = 10) => {
    const { messages = [], lost = 0 } = db.reads.kept.next(family, member, limit, 10_000) ?? {};
    return db.transact((tx) => {
      tx.kept.delivered(
        family,
        member,
        messages.map(({ id }) => id),
        lost,
      );
    });
  };
  return { db, clock, keep, next, got };
}

describe('a kept message', () => {
  it('is there for those who have not got it, in the order of arrival, and goes with the last of them', async () => {
    const { db, keep, next, got } = await filled();
    const first = db.reads.kept.nextPlace();
    await keep(2, [laptop, phone]);
    await keep(1, [laptop], { place: first });
    // The same one once more, since another PN GW answered later.
    await keep(2, [board]);
    expect(db.reads.kept.count(family)).toEqual({ messages: 2, members: 3 });
    expect(next(laptop)).toEqual({ epoch: 3, messages: [1, 2], lost: 0 });
    await got(laptop);
    expect(next(laptop)).toBeUndefined();
    expect([next(phone)?.messages, next(board)?.messages]).toEqual([[2], [2]]);
    await got(phone);
    await got(board);
    expect(db.reads.kept.count(family)).toEqual({ messages: 0, members: 0 });
  });

  it('is given in parts: of one epoch, and no more than fits', async () => {
    const { keep, next, got } = await filled();
    for (const [message, epoch] of [
      [1, 2],
      [2, 2],
      [3, 3],
      [4, 3],
    ] as const)
      await keep(message, [laptop], { epoch });
    expect(next(laptop)).toEqual({ epoch: 2, messages: [1, 2], lost: 0 });
    expect(next(laptop, 1)?.messages).toEqual([1]);
    expect(next(laptop, 10, 199)?.messages).toEqual([1]);
    expect(next(laptop, 10, 200)?.messages).toEqual([1, 2]);
    // One at least, or nothing behind it would ever go.
    expect(next(laptop, 10, 1)?.messages).toEqual([1]);
    await got(laptop);
    expect(next(laptop)).toEqual({ epoch: 3, messages: [3, 4], lost: 0 });
  });

  it('is never for somebody who came in after its epoch, or is no member', async () => {
    const { db, keep, next } = await filled();
    await keep(1, [board, 'stranger' as EntityId], { epoch: 2 });
    expect(db.reads.kept.count(family)).toEqual({ messages: 0, members: 0 });
    await keep(2, [board, laptop], { epoch: 2 });
    expect([next(board), next(laptop)?.messages]).toEqual([undefined, [2]]);
  });

  it('goes with the membership, and with the group', async () => {
    const { db, keep, next } = await filled();
    await keep(1, [laptop]);
    await keep(2, [laptop, board]);
    await db.transact((tx) => tx.groups.change(family, { add: [], remove: [laptop], epoch: 4 }));
    expect(db.reads.kept.count(family)).toEqual({ messages: 1, members: 1 });
    const again = [{ entityId: laptop, pnId: home, gateway: phone, leaf: 0 }];
    await db.transact((tx) => tx.groups.change(family, { add: again, remove: [], epoch: 5 }));
    expect([next(laptop), next(board)?.messages]).toEqual([undefined, [2]]);
    await db.transact((tx) => tx.groups.remove(family));
    expect(next(board)).toBeUndefined();
  });
});

describe('the oldest one is given up, and whoever has not got it is told', () => {
  it.each([
    ['messages of a group', { groupKeptMessagesPerGroup: 2 }],
    ['octets of a group', { groupKeptOctetsPerGroup: 299 }],
    ['copies of a group', { groupKeptCopiesPerGroup: 5 }],
  ])('%s', async (_what, changed) => {
    const { keep, next, got } = await filled(changed);
    for (const message of [1, 2, 3]) await keep(message, [laptop, board]);
    expect([next(laptop), next(board)]).toEqual(new Array(2).fill({ epoch: 3, messages: [2, 3], lost: 1 }));
    await got(laptop);
    expect([next(laptop), next(board)?.lost]).toEqual([undefined, 1]);
  });

  it('messages of a member', async () => {
    const { db, keep, next } = await filled({ groupKeptMessagesPerMember: 1 });
    await keep(1, [laptop, board]);
    await keep(2, [laptop]);
    expect(next(laptop)).toEqual({ epoch: 3, messages: [2], lost: 1 });
    expect(next(board)).toEqual({ epoch: 3, messages: [1], lost: 0 });
    expect(db.reads.kept.count(family)).toEqual({ messages: 2, members: 2 });
  });

  it('age', async () => {
    const { db, clock, keep, next, got } = await filled({ groupKeptMs: 3_600_000 });
    await keep(1, [laptop], { epoch: 2 });
    await db.transact((tx) => tx.kept.putKeyAside(family, 2, octets(48)));
    await clock.advance(1_800_000);
    await keep(2, [laptop]);
    await clock.advance(1_799_000);
    expect(next(laptop)?.messages).toEqual([1]);
    await clock.advance(60_000);
    expect(next(laptop)).toEqual({ epoch: 3, messages: [2], lost: 1 });
    expect(db.reads.kept.formerKey(family, 2)).toBeUndefined();
    await clock.advance(3_600_000);
    expect(next(laptop)).toEqual({ epoch: undefined, messages: [], lost: 2 });
    await got(laptop);
    expect(next(laptop)).toBeUndefined();
  });

  it('counts only what it was told of', async () => {
    const { db, keep, next } = await filled({ groupKeptMessagesPerMember: 1 });
    for (const message of [1, 2]) await keep(message, [laptop]);
    const ids = db.reads.kept.next(family, laptop, 10, 10_000)?.messages.map(({ id }) => id) ?? [];
    await keep(3, [laptop]);
    // One more was given up while the device was told of the one before.
    await db.transact((tx) => tx.kept.delivered(family, laptop, ids, 1));
    expect(next(laptop)).toEqual({ epoch: 3, messages: [3], lost: 1 });
  });
});

describe('the Group Key of an epoch that is over', () => {
  it('is there while messages of it are kept, and no longer', async () => {
    const { db, keep, got } = await filled();
    const put = (epoch: number) => db.transact((tx) => tx.kept.putKeyAside(family, epoch, octets(48, epoch)));
    await put(2);
    expect(db.reads.kept.formerKey(family, 2)).toBeUndefined();
    await keep(1, [laptop], { epoch: 2 });
    await keep(2, [phone], { epoch: 2 });
    await keep(3, [laptop]);
    await put(2);
    expect(db.reads.kept.formerKey(family, 2)).toEqual(octets(48, 2));
    await got(laptop);
    expect(db.reads.kept.formerKey(family, 2)).toBeDefined();
    await db.transact((tx) => tx.groups.change(family, { add: [], remove: [phone], epoch: 4 }));
    expect(db.reads.kept.formerKey(family, 2)).toBeUndefined();
  });

  it('is as durable as the messages, and goes with what failed', async () => {
    const path = `${testDirectory()}/kept.db`;
    const { db, keep } = await filled({}, path);
    await keep(1, [laptop], { epoch: 2 });
    const failed = db.transact((tx) => {
      tx.kept.putKeyAside(family, 2, octets(48));
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(db.reads.kept.formerKey(family, 2)).toBeUndefined();
    await db.transact((tx) => tx.kept.putKeyAside(family, 2, octets(48)));
    await db.close();
    const again = testDatabase({ path }).db;
    expect(again.reads.kept.formerKey(family, 2)).toEqual(octets(48));
    expect(again.reads.kept.next(family, laptop, 10, 10_000)).toMatchObject({ epoch: 2, messages: [{ receivedMs: 1 }] });
    expect(again.reads.kept.nextPlace()).toBe(2);
  });
});
