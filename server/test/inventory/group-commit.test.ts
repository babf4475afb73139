import { CpnsError } from '@cpns/shared';
import { MemoryLogger, VirtualClock } from '@cpns/shared/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Tx } from '../../src/inventory/database.js';
import { GroupCommit } from '../../src/inventory/group-commit.js';
import { Sqlite } from '../../src/inventory/sqlite.js';
import { addAlice, alice, laptop, octets, phone, testDatabase, testDirectory } from './fixture.js';

const message = (transaction: number) => ({
  to: laptop,
  pnId: undefined,
  number: 160,
  transaction: octets(16, transaction),
  octets: octets(10),
  sealed: false,
});

describe('transact', () => {
  it('gives the result of the work once it is committed', async () => {
    const { db } = testDatabase();
    await expect(db.transact(() => 42)).resolves.toBe(42);
  });

  it('shows nothing to readers before the promise can resolve', async () => {
    const { db } = testDatabase();
    const done = db.transact(addAlice);
    expect(db.reads.users.find(alice)).toBeUndefined();
    await done;
    expect(db.reads.users.find(alice)?.userId).toBe(alice);
  });

  it('undoes what a failing transaction did, and only that', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    const outcomes = await Promise.allSettled([
      db.transact((tx) => tx.outbox.add(message(1))),
      db.transact((tx) => {
        tx.outbox.add(message(2));
        tx.devices.revoke(phone);
        throw new Error('no');
      }),
      db.transact((tx) => tx.outbox.add(message(3))),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(db.reads.outbox.waiting(laptop, 10).map((waiting) => waiting.transaction[0])).toEqual([1, 3]);
    expect(db.reads.devices.find(phone)?.state).toBe('active');
  });

  it('lets a later transaction of the batch see an earlier one', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    const [, seen] = await Promise.all([db.transact((tx) => tx.devices.revoke(phone)), db.transact((tx) => tx.devices.find(phone)?.state)]);
    expect(seen).toBe('revoked');
  });

  it('runs what was asked to follow the commit before the promise resolves, and never for a failed one', async () => {
    const { db, logger } = testDatabase();
    const order: string[] = [];
    const failing = db.transact((tx) => {
      tx.afterCommit(() => order.push('of the failed one'));
      throw new Error('no');
    });
    const working = db.transact((tx) => {
      tx.afterCommit(() => {
        throw new Error('listener is broken');
      });
      tx.afterCommit(() => order.push('follows'));
      order.push('work');
    });
    await expect(failing).rejects.toThrow('no');
    await working.then(() => order.push('resolved'));
    expect(order).toEqual(['work', 'follows', 'resolved']);
    expect(logger.lines.filter((line) => line.level === 'error')).toHaveLength(1);
  });

  it('takes back what transactions changed in memory when their commit fails, the last change first', async () => {
    const sqlite = new Sqlite(':memory:');
    onTestFinished(() => sqlite.close());
    sqlite.script('CREATE TABLE parent (id INTEGER PRIMARY KEY); CREATE TABLE child (parent REFERENCES parent)');
    const commits = new GroupCommit({ sqlite, clock: new VirtualClock(), logger: new MemoryLogger(), grouped: true });
    const undone: string[] = [];
    const change = (name: string) => commits.onRollback(() => undone.push(name));
    const outcomes = await Promise.allSettled([
      commits.run(() => ['first', 'second'].forEach(change)),
      commits.run(() => {
        change('third');
        // Found at the commit only.
        sqlite.script('PRAGMA defer_foreign_keys = ON');
        sqlite.run('INSERT INTO child VALUES (7)');
      }),
    ]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    expect(undone).toEqual(['third', 'second', 'first']);
    await commits.run(() => change('kept'));
    expect(undone).toHaveLength(3);
  });

  it('refuses asynchronous work and keeps nothing of it', async () => {
    const { db } = testDatabase();
    await expect(
      db.transact(async (tx) => {
        addAlice(tx);
      }),
    ).rejects.toMatchObject({ code: 'AsyncTransaction' });
    expect(db.reads.users.list()).toEqual([]);
  });

  it('refuses a transaction that is used after its end', async () => {
    const { db } = testDatabase();
    let kept: Tx | undefined;
    await db.transact((tx) => {
      kept = tx;
    });
    expect(() => addAlice(kept as Tx)).toThrowError(expect.objectContaining({ code: 'NoTransaction' }));
    expect(() => kept?.afterCommit(() => {})).toThrowError(expect.objectContaining({ code: 'NoTransaction' }));
  });

  it('commits far more transactions than fit into one batch, in order', async () => {
    const { db } = testDatabase({ path: `${testDirectory()}/many.db` });
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 2_000 }, (_, i) =>
        db.transact((tx) => {
          tx.events.add({ event: 'test', text: String(i) });
          order.push(i);
        }),
      ),
    );
    expect(order).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
    expect(db.reads.events.latest(1)[0]?.text).toBe('1999');
  });

  it('commits each transaction alone when asked to', async () => {
    const { db } = testDatabase({ grouped: false });
    await db.transact(addAlice);
    await Promise.all([1, 2, 3].map((i) => db.transact((tx) => tx.outbox.add(message(i)))));
    expect(db.reads.outbox.total()).toEqual({ messages: 3, octets: 30 });
  });

  it('finishes what was begun before it closes, and takes nothing after', async () => {
    const path = `${testDirectory()}/closing.db`;
    const { db } = testDatabase({ path });
    const begun = db.transact(addAlice);
    await db.close();
    await begun;
    await expect(db.transact(() => 0)).rejects.toBeInstanceOf(CpnsError);
    await expect(db.transact(() => 0)).rejects.toMatchObject({ code: 'DatabaseClosed', retryable: true });
    expect(testDatabase({ path }).db.reads.users.find(alice)?.userId).toBe(alice);
  });
});
