import { type EntityId, sgId } from '@cpns/shared';
import fc from 'fast-check';
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

/** What the inventory should do, told once more in another way. */
class Model {
  epoch = 3;
  /** The epoch in which each member came in. */
  readonly members = new Map<EntityId, number>([
    [laptop, 1],
    [phone, 1],
    [board, 3],
  ]);
  readonly kept: { id: number; epoch: number; waiting: Set<EntityId> }[] = [];

  has(epoch: number): boolean {
    return this.kept.some((message) => message.epoch === epoch && message.waiting.size > 0);
  }
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('keep' as const), ago: fc.nat(2), who: fc.subarray([laptop, phone, board]) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      who: fc.constantFrom(laptop, phone, board),
      limit: fc.integer({ min: 1, max: 3 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('change' as const), who: fc.constantFrom(laptop, board) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('rotate' as const) }) },
);

it('nobody is ever given a message, or with it the key, of an epoch in which it was no member, and no key outlives its messages', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const { db, keep } = await filled();
      const model = new Model();
      /** As a rekey does: the key that ends is put aside first. */
      const rekey = (change: (tx: Tx, epoch: number) => void) =>
        db.transact((tx) => {
          tx.kept.putKeyAside(family, model.epoch, octets(48, model.epoch));
          change(tx, ++model.epoch);
        });
      for (const one of steps) {
        if (one.do === 'keep') {
          const epoch = Math.max(1, model.epoch - one.ago);
          const place = db.reads.kept.nextPlace();
          // A key that is not at hand any more does not come back.
          if (epoch < model.epoch && !model.has(epoch)) continue;
          await keep(place, one.who, { epoch, place });
          const waiting = new Set(one.who.filter((who) => (model.members.get(who) ?? Number.POSITIVE_INFINITY) <= epoch));
          model.kept.push({ id: place, epoch, waiting });
        } else if (one.do === 'rotate') await rekey((tx, epoch) => void tx.groups.rekeyed(family, epoch));
        else if (one.do === 'change') {
          const isIn = model.members.has(one.who);
          const leaf = one.who === laptop ? 0 : 2;
          const add = isIn ? [] : [{ entityId: one.who, pnId: home, gateway: phone, leaf }];
          await rekey((tx, epoch) => void tx.groups.change(family, { add, remove: isIn ? [one.who] : [], epoch }));
          if (isIn) {
            model.members.delete(one.who);
            for (const { waiting } of model.kept) waiting.delete(one.who);
          } else model.members.set(one.who, model.epoch);
        } else {
          const mine = model.kept.filter(({ waiting }) => waiting.has(one.who));
          const batch = db.reads.kept.next(family, one.who, one.limit, 10_000);
          const run = mine.findIndex(({ epoch }) => epoch !== mine[0]?.epoch);
          const ids = mine.slice(0, Math.min(run < 0 ? mine.length : run, one.limit)).map(({ id }) => id);
          expect(batch?.messages.map(({ id }) => id) ?? []).toEqual(ids);
          if (batch?.epoch !== undefined) expect(model.members.get(one.who)).toBeLessThanOrEqual(batch.epoch);
          await db.transact((tx) => tx.kept.delivered(family, one.who, ids, 0));
          for (const message of mine) if (ids.includes(message.id)) message.waiting.delete(one.who);
        }
        for (let epoch = 1; epoch < model.epoch; epoch++)
          expect(db.reads.kept.formerKey(family, epoch)).toEqual(model.has(epoch) ? octets(48, epoch) : undefined);
        expect(db.reads.kept.formerKey(family, model.epoch)).toBeUndefined();
        const alive = model.kept.filter(({ waiting }) => waiting.size > 0);
        const members = new Set(alive.flatMap(({ waiting }) => [...waiting]));
        expect(db.reads.kept.count(family)).toEqual({ messages: alive.length, members: members.size });
      }
      await db.close();
    }),
    { numRuns: 60 },
  );
});
