import { entityId, pnId } from '@cpns/shared';
import { PneState, Status } from '@cpns/shared/messages';
import { describe, expect, it } from 'vitest';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase } from './fixture.js';
import { limits } from './limits.js';

const other = pnId('ffeeddccbbaa99887766554433221100');

async function withHome() {
  const test = testDatabase();
  await test.db.transact((tx) => {
    addAlice(tx);
    addHome(tx, [laptop, board]);
  });
  return test;
}

describe('PN Inventory', () => {
  it('begins Established with version 1, key epoch 1 and unconfirmed members', async () => {
    const { db, clock } = await withHome();
    expect(db.reads.pns.find(home)).toEqual({
      pnId: home,
      gateway: phone,
      initiator: laptop,
      state: 'Established',
      shareMembers: true,
      version: 1,
      keyEpoch: 1,
      sealedKey: octets(48, 1),
      createdMs: clock.wallMs(),
    });
    expect(db.reads.pns.members(home).map((row) => [row.entityId, row.userId, row.state])).toEqual([
      [board, 'alice', PneState.Authenticated],
      [laptop, 'alice', PneState.Authenticated],
    ]);
    expect(db.reads.pns.ofGateway(phone)).toHaveLength(1);
    expect(db.reads.pns.ofMember(laptop).map((pn) => pn.pnId)).toEqual([home]);
    expect(db.reads.pns.ofMember(phone)).toEqual([]);
    expect(db.reads.pns.countByState()).toEqual({ Established: 1, Suspended: 0 });
  });

  it('refuses a PN ID that is taken and leaves the PN that has it alone', async () => {
    const { db } = await withHome();
    await expect(db.transact((tx) => addHome(tx, []))).rejects.toMatchObject({ code: 'DuplicatePn', status: Status.Duplicate });
    expect(db.reads.pns.members(home)).toHaveLength(2);
  });

  it('refuses devices that nobody knows and keeps nothing of that PN', async () => {
    const { db } = await withHome();
    await db.transact((tx) => tx.pns.remove(home));
    await expect(db.transact((tx) => addHome(tx, [entityId('nobody')]))).rejects.toMatchObject({ code: 'UnknownDevice' });
    expect(db.reads.pns.list()).toEqual([]);
  });

  it('raises version and key epoch when members go', async () => {
    const { db } = await withHome();
    await expect(db.transact((tx) => tx.pns.removeMembers(home, [board], octets(48, 2)))).resolves.toMatchObject({
      version: 2,
      keyEpoch: 2,
      sealedKey: octets(48, 2),
    });
    expect(db.reads.pns.member(home, board)).toBeUndefined();
    expect(db.reads.pns.members(home)).toHaveLength(1);
  });

  it('confirms members without a new version', async () => {
    const { db } = await withHome();
    await expect(db.transact((tx) => tx.pns.setMemberState(home, laptop, PneState.Member))).resolves.toBe(true);
    await expect(
      db.transact((tx) => tx.pns.setMemberState(home, laptop, PneState.Member)),
      'once',
    ).resolves.toBe(false);
    await expect(db.transact((tx) => tx.pns.setMemberState(home, phone, PneState.Member))).resolves.toBe(false);
    expect(db.reads.pns.member(home, laptop)?.state).toBe(PneState.Member);
    expect(db.reads.pns.find(home)?.version).toBe(1);
  });

  it('finds those who have stayed unconfirmed for too long, counted in running time', async () => {
    const { db, clock } = await withHome();
    await db.transact((tx) => tx.pns.setMemberState(home, laptop, PneState.Member));
    clock.setWallMs(clock.wallMs() + 365 * 86_400_000);
    expect(db.reads.pns.unconfirmedLongerThan(120_000)).toEqual([]);
    await clock.advance(120_000);
    expect(db.reads.pns.unconfirmedLongerThan(120_000).map((row) => row.entityId)).toEqual([board]);
  });

  it('gives a member that proved itself anew the whole time again', async () => {
    const { db, clock } = await withHome();
    await clock.advance(60_000);
    await db.transact((tx) => tx.pns.authenticated(home, laptop));
    await clock.advance(60_000);
    expect(db.reads.pns.unconfirmedLongerThan(120_000).map((row) => row.entityId)).toEqual([board]);
    expect(db.reads.pns.member(home, laptop)?.authenticatedMs).toBe(clock.wallMs() - 60_000);
  });

  it('has a new version only when what a member offers changed', async () => {
    const { db } = await withHome();
    const offer = (contents: Uint8Array) => db.transact((tx) => tx.pns.setContents(home, laptop, contents));
    await expect(offer(octets(9))).resolves.toMatchObject({ version: 2 });
    await expect(offer(octets(9))).resolves.toMatchObject({ version: 2 });
    await expect(offer(octets(0))).resolves.toMatchObject({ version: 3 });
    expect(db.reads.pns.member(home, laptop)?.contents).toEqual(octets(0));
  });

  it('is suspended with a new key, and resumed', async () => {
    const { db } = await withHome();
    const suspended = { state: 'Suspended', version: 1, keyEpoch: 2, sealedKey: octets(48, 2) };
    await expect(db.transact((tx) => tx.pns.suspend(home, octets(48, 2)))).resolves.toMatchObject(suspended);
    await expect(db.transact((tx) => tx.pns.resume(home))).resolves.toMatchObject({ ...suspended, state: 'Established' });
  });

  it('is removed with all that waits for it', async () => {
    const { db } = await withHome();
    await db.transact((tx) => {
      const message = { number: 103, octets: octets(8) };
      tx.outbox.add({ ...message, to: laptop, pnId: home, transaction: octets(16, 1) });
      tx.outbox.add({ ...message, to: laptop, pnId: undefined, transaction: octets(16, 2) });
      tx.pns.remove(home);
    });
    expect(db.reads.pns.find(home)).toBeUndefined();
    expect(db.reads.pns.members(home)).toEqual([]);
    expect(db.reads.outbox.waiting(laptop, 10).map((message) => message.pnId)).toEqual([undefined]);
    await expect(db.transact((tx) => tx.pns.resume(home))).rejects.toMatchObject({
      code: 'UnknownPn',
      status: Status.UnknownPn,
    });
  });

  it('raises everything after a restore from backup', async () => {
    const { db } = await withHome();
    await db.transact((tx) => tx.pns.raiseAll(2 ** 32, (id, epoch) => octets(48, id === home ? Number(epoch % 251) : 0)));
    expect(db.reads.pns.find(home)).toMatchObject({
      version: 2 ** 32 + 1,
      keyEpoch: 2 ** 32 + 1,
      sealedKey: octets(48, (2 ** 32 + 1) % 251),
    });
  });

  it('has limits for PNs of a gateway and members of a PN', async () => {
    const { db } = testDatabase({ limits: { ...limits, pnsPerGateway: 1, membersPerPn: 2 } });
    await db.transact((tx) => {
      addAlice(tx);
      tx.devices.add(entityId('watch'), alice);
    });
    const busy = { status: Status.Busy, retryAfterMs: expect.any(Number) };
    await expect(db.transact((tx) => addHome(tx, [laptop, board, entityId('watch')]))).rejects.toMatchObject({
      code: 'TooManyMembers',
      ...busy,
    });
    expect(db.reads.pns.list()).toEqual([]);
    expect(() => db.reads.pns.requireRoom(phone)).not.toThrow();
    await db.transact((tx) => addHome(tx, [laptop, board]));
    expect(() => db.reads.pns.requireRoom(phone)).toThrowError(expect.objectContaining({ code: 'TooManyPns', ...busy }));
    expect(() => db.reads.pns.requireRoom(laptop)).not.toThrow();
    const second = { ...(db.reads.pns.find(home) as NonNullable<ReturnType<typeof db.reads.pns.find>>), pnId: other, members: [] };
    await expect(db.transact((tx) => tx.pns.create(second))).rejects.toMatchObject({ code: 'TooManyPns', ...busy });
    expect(db.reads.pns.find(home)?.version).toBe(1);
  });
});
