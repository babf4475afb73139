import { Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { home, laptop, octets, phone, testDatabase, testDirectory } from './fixture.js';
import { limits } from './limits.js';

let last = 0;
function message(size = 10, more: object = {}) {
  const transaction = octets(16, 0);
  new DataView(transaction.buffer).setUint32(0, ++last);
  return { to: laptop, pnId: home, number: 160, transaction, octets: octets(size), ...more };
}

describe('outbox', () => {
  it('keeps messages in order until the device answers', async () => {
    const { db } = testDatabase();
    const [first, second] = [message(), message(20, { pnId: undefined })];
    const id = await db.transact((tx) => tx.outbox.add(first));
    const next = await db.transact((tx) => tx.outbox.add(second));
    expect(next).toBeGreaterThan(id);
    expect(db.reads.outbox.waiting(laptop, 10)).toEqual([
      { ...first, id },
      { ...second, id: next },
    ]);
    expect(db.reads.outbox.waiting(laptop, 1)).toHaveLength(1);
    expect(db.reads.outbox.waiting(phone, 10)).toEqual([]);
    expect(db.reads.outbox.find(laptop, first.transaction)?.id).toBe(id);
    expect(db.reads.outbox.find(phone, first.transaction)).toBeUndefined();
    await expect(db.transact((tx) => tx.outbox.remove(id))).resolves.toBe(true);
    await expect(db.transact((tx) => tx.outbox.remove(id))).resolves.toBe(false);
    expect(db.reads.outbox.total()).toEqual({ messages: 1, octets: 20 });
  });

  it('never gives an id twice, not even after the newest message went', async () => {
    const { db } = testDatabase();
    const id = await db.transact((tx) => tx.outbox.add(message()));
    await db.transact((tx) => tx.outbox.remove(id));
    await expect(db.transact((tx) => tx.outbox.add(message()))).resolves.toBeGreaterThan(id);
  });

  it('holds 1,000 messages for each device', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      for (let i = 0; i < 1_000; i++) tx.outbox.add(message());
      tx.outbox.add(message(10, { to: phone }));
    });
    await expect(db.transact((tx) => tx.outbox.add(message()))).rejects.toMatchObject({ code: 'OutboxFull', status: Status.Busy });
    await db.transact((tx) => tx.outbox.remove(tx.outbox.waiting(laptop, 1)[0]?.id as number));
    await db.transact((tx) => tx.outbox.add(message()));
  });

  it('holds 1 MiB for each device', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      for (let i = 0; i < 64; i++) tx.outbox.add(message(16_384));
    });
    await expect(db.transact((tx) => tx.outbox.add(message(1)))).rejects.toMatchObject({ code: 'OutboxFull' });
    await db.transact((tx) => tx.outbox.add(message(1, { to: phone })));
  });

  it('shows again what a failed transaction removed, and what waits since before a restart', async () => {
    const path = `${testDirectory()}/outbox.db`;
    const { db } = testDatabase({ path });
    const id = await db.transact((tx) => tx.outbox.add(message()));
    const failing = db.transact((tx) => {
      tx.outbox.remove(id);
      expect(tx.outbox.waiting(laptop, 10)).toEqual([]);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(db.reads.outbox.waiting(laptop, 10)).toHaveLength(1);
    await db.close();
    const again = testDatabase({ path }).db;
    expect(again.reads.outbox.waiting(laptop, 10)).toHaveLength(1);
    await again.transact((tx) => tx.outbox.remove(id));
    expect(again.reads.outbox.waiting(laptop, 10)).toEqual([]);
    await again.transact((tx) => tx.outbox.add(message()));
    expect(again.reads.outbox.waiting(laptop, 10)).toHaveLength(1);
  });

  it('replaces what a newer message makes pointless, within its PN', async () => {
    const { db } = testDatabase();
    const notice = (pnId: typeof home | undefined) => message(10, { number: 103, pnId, supersedes: true });
    await db.transact((tx) => {
      for (const pnId of [home, undefined, home, undefined]) tx.outbox.add(notice(pnId));
      tx.outbox.add(message());
    });
    expect(db.reads.outbox.waiting(laptop, 10).map((waiting) => [waiting.number, waiting.pnId])).toEqual([
      [103, home],
      [103, undefined],
      [160, home],
    ]);
  });

  it('is emptied for a device, or for a device in one PN', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      for (const more of [{}, { pnId: undefined }, { to: phone }]) tx.outbox.add(message(10, more));
      tx.outbox.removeFor(laptop, home);
    });
    expect(db.reads.outbox.waiting(laptop, 10).map((waiting) => waiting.pnId)).toEqual([undefined]);
    await db.transact((tx) => tx.outbox.removeFor(laptop));
    expect(db.reads.outbox.total().messages).toBe(1);
  });

  it('knows what nobody fetched in outboxKeptMs of running time', async () => {
    const { db, clock } = testDatabase({ limits: { ...limits, outboxKeptMs: 60_000 } });
    const old = message();
    await db.transact((tx) => tx.outbox.add(old));
    clock.setWallMs(clock.wallMs() + 365 * 86_400_000);
    await clock.advance(59_000);
    await db.transact((tx) => tx.outbox.add(message()));
    expect(db.reads.outbox.expired()).toEqual([]);
    await clock.advance(1_000);
    expect(db.reads.outbox.expired().map((expired) => expired.transaction)).toEqual([old.transaction]);
  });
});
