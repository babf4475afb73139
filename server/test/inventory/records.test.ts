import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../src/inventory/database.js';
import { octets, testDatabase, testDirectory } from './fixture.js';

function admit(db: Database, seq: number | bigint, inst = 1, sid = 1): Promise<boolean> {
  return db.transact((tx) => tx.records.admit({ sid: octets(8, sid), inst: octets(8, inst), seq: BigInt(seq) }));
}

describe('records', () => {
  it('take each number of an instance of a session once', async () => {
    const { db } = testDatabase();
    expect(await admit(db, 5)).toBe(true);
    expect(await admit(db, 5)).toBe(false);
    expect(await admit(db, 3)).toBe(true);
    expect(await admit(db, 5, 2)).toBe(true);
    expect(await admit(db, 5, 1, 2)).toBe(true);
  });

  it('behave like a set of everything seen, within the window', async () => {
    const { db } = testDatabase();
    let session = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(fc.nat(50), fc.nat(5_000)), { maxLength: 60 }), async (numbers) => {
        session++;
        const sid = new Uint8Array(8);
        new DataView(sid.buffer).setUint32(0, session);
        const seen = new Set<number>();
        const got = await db.transact((tx) => numbers.map((seq) => tx.records.admit({ sid, inst: octets(8), seq: BigInt(seq) })));
        const expected = numbers.map((seq) => {
          const fresh = !seen.has(seq) && seq > Math.max(...seen, -1) - 1024;
          if (fresh) seen.add(seq);
          return fresh;
        });
        expect(got).toEqual(expected);
      }),
      { numRuns: 100, seed: 7 },
    );
  });

  it('forget what a failed transaction admitted', async () => {
    const { db } = testDatabase();
    const failing = db.transact((tx) => {
      tx.records.admit({ sid: octets(8, 1), inst: octets(8, 1), seq: 5n });
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(await admit(db, 5)).toBe(true);
    const later = db.transact((tx) => {
      expect([6n, 7n, 6n].map((seq) => tx.records.admit({ sid: octets(8, 1), inst: octets(8, 1), seq }))).toEqual([true, true, false]);
      tx.records.forget(octets(8, 1));
      expect(tx.records.admit({ sid: octets(8, 1), inst: octets(8, 2), seq: 0n })).toBe(true);
      throw new Error('no');
    });
    await expect(later).rejects.toThrow('no');
    expect([await admit(db, 5), await admit(db, 6), await admit(db, 7), await admit(db, 0, 2)]).toEqual([false, true, true, true]);
  });

  it('refuse numbers beyond what can be counted, and a 17th instance', async () => {
    const { db } = testDatabase();
    expect(await admit(db, 2n ** 63n)).toBe(false);
    for (let inst = 1; inst <= 16; inst++) expect(await admit(db, 0, inst)).toBe(true);
    expect(await admit(db, 0, 17)).toBe(false);
    expect(await admit(db, 1, 16)).toBe(true);
  });

  it('forget a session that is gone, and everything with the process', async () => {
    const path = `${testDirectory()}/records.db`;
    const { db } = testDatabase({ path });
    await admit(db, 5);
    await db.transact((tx) => tx.records.forget(octets(8, 1)));
    expect(await admit(db, 5)).toBe(true);
    await db.close();
    expect(await admit(testDatabase({ path }).db, 5)).toBe(true);
  });
});
