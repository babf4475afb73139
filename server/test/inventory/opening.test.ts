import { chmodSync, statSync, writeFileSync } from 'node:fs';
import { entityId, sgId } from '@cpns/shared';
import { fromHex } from '@cpns/shared/security';
import BetterSqlite3 from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { migrate, migrations } from '../../src/inventory/migrations.js';
import { Sqlite } from '../../src/inventory/sqlite.js';
import { addAlice, addHome, alice, home, testDatabase, testDirectory } from './fixture.js';

function failure(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

describe('opening the database', () => {
  it('makes a private file and finds everything again', async () => {
    const path = `${testDirectory()}/cpns.db`;
    const first = testDatabase({ path });
    await first.db.transact((tx) => {
      addAlice(tx);
      addHome(tx);
    });
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600);
    await first.db.close();

    const { db } = testDatabase({ path });
    expect(db.reads.users.list().map((user) => user.userId)).toEqual([alice]);
    expect(db.reads.pns.find(home)?.state).toBe('Established');
  });

  it('refuses a second opening in one sentence', () => {
    const path = `${testDirectory()}/cpns.db`;
    testDatabase({ path });
    expect(failure(() => testDatabase({ path }))).toMatchObject({ code: 'DatabaseInUse', message: expect.stringContaining(path) });
  });

  it('refuses a directory that is missing', () => {
    const path = `${testDirectory()}/missing/cpns.db`;
    expect(failure(() => testDatabase({ path }))).toMatchObject({ family: 'Config', code: 'DatabaseUnreachable' });
  });

  // Root may write everything, so there is nothing to refuse.
  if (process.getuid?.() !== 0) {
    it('refuses a file that it may not write', () => {
      const path = `${testDirectory()}/cpns.db`;
      writeFileSync(path, '');
      chmodSync(path, 0o400);
      expect(failure(() => testDatabase({ path }))).toMatchObject({ code: 'DatabaseUnreachable' });
    });
  }

  it('refuses what is no database', () => {
    const path = `${testDirectory()}/cpns.db`;
    writeFileSync(path, 'something else altogether '.repeat(100));
    expect(failure(() => testDatabase({ path }))).toMatchObject({ code: 'DatabaseCorrupt', message: expect.stringContaining('backup') });
  });

  it('says so when a page turns out to be damaged later', async () => {
    const path = `${testDirectory()}/cpns.db`;
    const first = testDatabase({ path });
    await first.db.transact((tx) => {
      addAlice(tx);
      for (let i = 0; i < 200; i++) tx.events.add({ event: 'filler', text: 'x'.repeat(500) });
    });
    await first.db.close();
    const damaged = new BetterSqlite3(path);
    const root = damaged.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'events'").get() as { rootpage: number };
    const pageSize = damaged.pragma('page_size', { simple: true }) as number;
    damaged.close();
    const { openSync, writeSync, closeSync } = await import('node:fs');
    const file = openSync(path, 'r+');
    writeSync(file, Buffer.alloc(pageSize, 0x5a), 0, pageSize, (root.rootpage - 1) * pageSize);
    closeSync(file);

    const { db } = testDatabase({ path });
    expect(db.reads.users.find(alice)?.userId).toBe(alice);
    expect(failure(() => db.reads.events.latest(10))).toMatchObject({ code: 'DatabaseCorrupt' });
    await expect(db.transact((tx) => tx.events.add({ event: 'x', text: 'x' }))).rejects.toMatchObject({ code: 'DatabaseCorrupt' });
  });

  it("refuses another program's database and leaves it as it is", () => {
    const path = `${testDirectory()}/cpns.db`;
    const other = new BetterSqlite3(path);
    other.exec('CREATE TABLE notes (text TEXT)');
    other.close();
    expect(failure(() => testDatabase({ path }))).toMatchObject({ code: 'DatabaseForeign' });
    const again = new BetterSqlite3(path);
    expect(again.prepare('SELECT name FROM sqlite_schema').all()).toEqual([{ name: 'notes' }]);
    again.close();
  });

  it('refuses the database of a newer version', async () => {
    const path = `${testDirectory()}/cpns.db`;
    await testDatabase({ path }).db.close();
    const newer = new BetterSqlite3(path);
    newer.pragma('user_version = 999');
    newer.close();
    expect(failure(() => testDatabase({ path }))).toMatchObject({ code: 'DatabaseTooNew', message: expect.stringContaining('999') });
  });
});

describe('migrations', () => {
  it('are numbered from 1 without a gap', () => {
    expect(migrations.map((step) => step.number)).toEqual(migrations.map((_, i) => i + 1));
  });

  it('run once each, in order, and go on where an earlier version stopped', () => {
    const path = `${testDirectory()}/steps.db`;
    const first = { number: 1, sql: 'CREATE TABLE steps (number INTEGER); INSERT INTO steps VALUES (1)' };
    const second = { number: 2, sql: 'INSERT INTO steps VALUES (2)' };
    const third = { number: 3, sql: 'INSERT INTO steps VALUES (3)' };
    const sqlite = new Sqlite(path);
    migrate(sqlite, [first]);
    migrate(sqlite, [first, second, third]);
    migrate(sqlite, [first, second, third]);
    expect(sqlite.all('SELECT number FROM steps ORDER BY rowid')).toEqual([{ number: 1 }, { number: 2 }, { number: 3 }]);
    expect(sqlite.pragma('user_version')).toBe(3);
    sqlite.close();
  });

  it('give users of a database without policies the one that asks', async () => {
    const path = `${testDirectory()}/older.db`;
    const sqlite = new Sqlite(path);
    migrate(sqlite, migrations.slice(0, 3));
    sqlite.alone(() => {
      sqlite.run('INSERT INTO users (user_id, added_ms) VALUES (?, 1)', alice);
      sqlite.run("INSERT INTO subscriptions VALUES ('alice/1', ?, '[]', 1)", alice);
    });
    sqlite.close();
    const { db } = testDatabase({ path });
    expect(db.reads.users.find(alice)?.policy).toEqual({ guests: 'ask', chargeElsewhere: 'ask' });
    await db.transact((tx) => tx.users.setPolicy(alice, { guests: 'never' }));
    expect(db.reads.users.list().map(({ policy }) => policy.guests)).toEqual(['never']);
  });

  it('keep the objects of groups, which several members may hold from then on', async () => {
    const path = `${testDirectory()}/older.db`;
    const sqlite = new Sqlite(path);
    migrate(
      sqlite,
      migrations.filter(({ number }) => number < 8),
    );
    const family = sgId('f'.repeat(32));
    sqlite.alone(() => {
      sqlite.run(
        "INSERT INTO sgs (sg_id, name, owner_user, open, epoch, version, height, member_count, keyed_ms, created_ms) VALUES (?, 'family', ?, 0, 1, 1, 0, 0, 1, 1)",
        fromHex(family),
        alice,
      );
      sqlite.run(
        "INSERT INTO sg_objects (sg, object_id, name, type, holder, members) VALUES (1, 'song', 'Song', 'audio/ogg', 'phone', '[\"board\"]')",
      );
    });
    sqlite.close();
    const { db } = testDatabase({ path });
    const song = { id: 'song', name: 'Song', type: 'audio/ogg', holder: entityId('phone'), members: [entityId('board')] };
    expect(db.reads.groups.objects(family)).toEqual([song]);
    const copy = { ...song, holder: entityId('board') };
    await db.transact((tx) => tx.groups.putObject(family, copy));
    expect(db.reads.groups.objects(family)).toEqual([copy, song]);
  });

  it('leave nothing of a step that fails', () => {
    const sqlite = new Sqlite(':memory:');
    migrate(sqlite, [{ number: 1, sql: 'CREATE TABLE a (x INTEGER)' }]);
    const broken = { number: 2, sql: 'CREATE TABLE b (x INTEGER); INSERT INTO missing VALUES (1)' };
    expect(() => migrate(sqlite, [{ number: 1, sql: '' }, broken])).toThrow();
    expect(sqlite.all("SELECT name FROM sqlite_schema WHERE type = 'table'")).toEqual([{ name: 'a' }]);
    expect(sqlite.pragma('user_version')).toBe(1);
    sqlite.close();
  });
});
