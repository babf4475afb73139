import { describe, expect, it } from 'vitest';
import { alice, home, laptop, phone, testDatabase } from './fixture.js';

const event = {
  pne: phone,
  userId: alice,
  subscriptionId: 'alice/1',
  pnId: home,
  gateway: laptop,
  gatewayUser: alice,
  service: 'pn',
  result: 'Success',
};

describe('charging events', () => {
  it('come back in their order, page by page and from a time on', async () => {
    const { db, clock } = testDatabase();
    const times: number[] = [];
    for (let n = 0; n < 3; n++) {
      times.push(clock.wallMs());
      await db.transact((tx) => tx.charging.add({ ...event, result: `${n}` }));
      await clock.advance(1_000);
    }
    const page = (sinceMs: number, afterId: number, limit: number) => db.reads.charging.page(sinceMs, afterId, limit);
    const all = page(0, 0, 10);
    expect(all).toEqual(times.map((atMs, n) => ({ ...event, id: n + 1, atMs, result: `${n}` })));
    expect([page(0, 0, 2), page(0, 2, 2)]).toEqual([all.slice(0, 2), all.slice(2)]);
    expect(page(times[1] ?? 0, 0, 10)).toEqual(all.slice(1));
  });

  it('are undone with the transaction that decided', async () => {
    const { db } = testDatabase();
    const failed = db.transact((tx) => {
      tx.charging.add(event);
      throw new Error('no');
    });
    await expect(failed).rejects.toThrow('no');
    expect(db.reads.charging.page(0, 0, 10)).toEqual([]);
  });
});
