import { Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { laptop, octets, phone, testDatabase, testDirectory } from './fixture.js';
import { limits } from './limits.js';

const key = (transaction: number, actedFor: typeof laptop | '' = '') => ({ sender: phone, actedFor, transaction: octets(16, transaction) });
const answer = octets(99);

describe('inbox', () => {
  it('tells a new request from a repeated and an altered one', async () => {
    const { db } = testDatabase();
    const digest = octets(32, 1);
    expect(db.reads.inbox.look(key(1), digest)).toEqual({ kind: 'new' });
    await db.transact((tx) => tx.inbox.file({ key: key(1), digest, answer }));
    expect(db.reads.inbox.look(key(1), digest)).toEqual({ kind: 'repeated', answer });
    expect(db.reads.inbox.look(key(1), octets(32, 2))).toEqual({ kind: 'altered' });
  });

  it('keeps the same transaction id of different senders and PNEs acted for apart', async () => {
    const { db } = testDatabase();
    const digest = octets(32, 1);
    await db.transact((tx) => tx.inbox.file({ key: key(1), digest, answer }));
    expect(db.reads.inbox.look(key(1, laptop), digest)).toEqual({ kind: 'new' });
    expect(db.reads.inbox.look({ ...key(1), sender: laptop }, digest)).toEqual({ kind: 'new' });
  });

  it('lets two transactions race for one request: the second learns of the first', async () => {
    const { db } = testDatabase();
    const file = () => db.transact((tx) => tx.inbox.file({ key: key(1), digest: octets(32, 1), answer }));
    const outcomes = await Promise.allSettled([file(), file()]);
    expect(outcomes[0]?.status).toBe('fulfilled');
    expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: { code: 'RequestKnown' } });
  });

  it('accepts each rand_PNE under one transaction only', async () => {
    const { db } = testDatabase();
    const rand = octets(32, 9);
    const request = { digest: octets(32, 1), answer, randPnes: [octets(32, 8), rand] };
    await db.transact((tx) => tx.inbox.file({ key: key(1), ...request }));
    expect(db.reads.inbox.randSeen(rand, key(1)), 'the same transaction').toBe(false);
    expect(db.reads.inbox.randSeen(rand, key(2))).toBe(true);
    expect(db.reads.inbox.randSeen(rand, key(1, laptop))).toBe(true);
    await expect(db.transact((tx) => tx.inbox.file({ key: key(2), ...request }))).rejects.toMatchObject({
      code: 'RandSeen',
      status: Status.Duplicate,
    });
    expect(db.reads.inbox.look(key(2), octets(32, 1)), 'nothing of it is kept').toEqual({ kind: 'new' });
  });

  it('is forgotten after answersKeptMs of running time, over restarts, whatever the wall clock does', async () => {
    const path = `${testDirectory()}/inbox.db`;
    const digest = octets(32, 1);
    const request = { key: key(1), digest, answer, randPnes: [octets(32, 9)] };
    const kept = { ...limits, answersKeptMs: 100_000 };
    const first = testDatabase({ path, limits: kept });
    await first.db.transact((tx) => tx.inbox.file(request));
    first.clock.setWallMs(first.clock.wallMs() + 365 * 86_400_000);
    await first.clock.advance(60_000);
    await first.db.close();

    const second = testDatabase({ path, limits: kept });
    await second.clock.advance(30_000);
    expect(second.db.reads.inbox.look(key(1), digest).kind).toBe('repeated');
    expect(second.db.reads.inbox.randSeen(octets(32, 9), key(2))).toBe(true);
    const kindLater = async () => {
      await second.clock.advance(31_000);
      return second.db.reads.inbox.look(key(1), digest).kind;
    };
    await expect.poll(kindLater).toBe('new');
    expect(second.db.reads.inbox.randSeen(octets(32, 9), key(2))).toBe(false);
  });
});
