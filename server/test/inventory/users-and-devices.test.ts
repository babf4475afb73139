import { entityId, keyId, serverId, userId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import type { SubscriptionChange } from '../../src/inventory/users.js';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase } from './fixture.js';

const bob = userId('bob');

const policy = { guests: 'ask', chargeElsewhere: 'ask' };

describe('users', () => {
  it('have another subscription and another policy when told so, and what is not named stays', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    const change = (what: SubscriptionChange) => db.transact((tx) => tx.users.changeSubscription(alice, what));
    await change({ addServices: ['files', 'pn-gw'], chargeable: false });
    expect(db.reads.users.find(alice)?.subscription).toMatchObject({ services: ['pn-gw', 'files'], chargeable: false });
    await change({ removeServices: ['pn-gw', 'maps'] });
    expect(db.reads.users.find(alice)?.subscription).toMatchObject({ services: ['files'], chargeable: false });
    const many = Array.from({ length: 32 }, (_, n) => `service-${n}`);
    await expect(change({ addServices: many })).rejects.toMatchObject({ code: 'TooManyServices' });

    await db.transact((tx) => tx.users.setPolicy(alice, { guests: 'never' }));
    await db.transact((tx) => tx.users.setPolicy(alice, { chargeElsewhere: 'never' }));
    expect(db.reads.users.find(alice)?.policy).toEqual({ guests: 'never', chargeElsewhere: 'never' });
    await expect(db.transact((tx) => tx.users.setPolicy(bob, {}))).rejects.toMatchObject({ code: 'UnknownUser' });
    await expect(db.transact((tx) => tx.users.changeSubscription(bob, {}))).rejects.toMatchObject({ code: 'UnknownUser' });
  });

  it('have one subscription with what was chosen', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => tx.users.add(bob, { services: [], chargeable: false }));
    await db.transact((tx) => tx.users.add(alice, { services: ['pn-gw', 'files'], chargeable: true }));
    expect(db.reads.users.list()).toEqual([
      {
        userId: alice,
        subscription: { subscriptionId: 'alice/1', userId: alice, services: ['pn-gw', 'files'], chargeable: true },
        policy,
      },
      { userId: bob, subscription: { subscriptionId: 'bob/1', userId: bob, services: [], chargeable: false }, policy },
    ]);
  });

  it('cannot be added twice', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    await expect(db.transact((tx) => tx.users.add(alice, { services: [], chargeable: true }))).rejects.toMatchObject({
      code: 'DuplicateUser',
    });
  });

  it('go only when their devices are revoked, and take those with them', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      addAlice(tx);
      addHome(tx);
    });
    const remove = () => db.transact((tx) => tx.users.remove(alice));
    await expect(remove()).rejects.toMatchObject({ code: 'UserHasDevices' });
    await db.transact((tx) => {
      tx.pns.removeMembers(home, [laptop], octets(48));
      for (const device of [phone, laptop, board]) tx.devices.revoke(device);
    });
    expect(db.reads.users.find(alice)?.userId).toBe(alice);
    expect(db.reads.devices.find(phone)?.state).toBe('revoked');
    await remove();
    expect(db.reads.users.find(alice)).toBeUndefined();
    expect(db.reads.devices.find(phone)).toBeUndefined();
    expect(db.reads.devices.list()).toEqual([]);
    expect(db.reads.pns.list()).toEqual([]);
    await expect(remove()).rejects.toMatchObject({ code: 'UnknownUser' });
  });
});

describe('devices', () => {
  it('belong to a user who is there', async () => {
    const { db } = testDatabase();
    await expect(db.transact((tx) => tx.devices.add(phone, bob))).rejects.toMatchObject({ code: 'UnknownUser' });
  });

  it('keep their CPNS ID for ever', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    expect(db.reads.devices.find(phone)?.cpnsId).toBeUndefined();
    const register = (id = phone) => db.transact((tx) => tx.devices.registered(id, octets(30)));
    const first = await register();
    expect(first).toMatch(/^cpns-[0-9a-f]{16}$/);
    await expect(register()).resolves.toBe(first);
    await expect(db.transact((tx) => tx.devices.authenticated(phone))).resolves.toBe(first);
    await expect(register(laptop)).resolves.not.toBe(first);
    await expect(register(entityId('nobody'))).rejects.toMatchObject({ code: 'UnknownDevice' });
  });

  it('are listed for one user or for all, and counted while they are active', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      addAlice(tx);
      tx.users.add(bob, { services: [], chargeable: true });
      tx.devices.add(entityId('bobs-tv'), bob);
      tx.devices.revoke(board);
    });
    expect(db.reads.devices.list().map((device) => device.entityId)).toEqual(['board', 'bobs-tv', 'laptop', 'phone']);
    expect(db.reads.devices.list(bob).map((device) => device.entityId)).toEqual(['bobs-tv']);
    expect(db.reads.devices.countActive(alice)).toBe(2);
  });

  it('report what they are, and when they were last here', async () => {
    const { db, clock } = testDatabase();
    await db.transact(addAlice);
    expect(db.reads.devices.find(phone)).toMatchObject({ capabilities: undefined, lastSeenMs: undefined });
    await db.transact((tx) => tx.devices.registered(phone, octets(30)));
    expect(db.reads.devices.find(phone)).toMatchObject({ capabilities: octets(30), lastSeenMs: clock.wallMs() });
    await clock.advance(5_000);
    await db.transact((tx) => tx.devices.report(phone, octets(31)));
    expect(db.reads.devices.find(phone)).toMatchObject({ capabilities: octets(31), lastSeenMs: clock.wallMs() });
    await clock.advance(1_000);
    await db.transact((tx) => tx.devices.authenticated(phone));
    expect(db.reads.devices.find(phone)).toMatchObject({ authenticatedMs: clock.wallMs(), lastSeenMs: clock.wallMs() });
    await clock.advance(1_000);
    await db.transact((tx) => tx.devices.seen(phone));
    expect(db.reads.devices.find(phone)).toMatchObject({ authenticatedMs: clock.wallMs() - 1_000, lastSeenMs: clock.wallMs() });
  });

  it('are taken in again after a revocation, with the same CPNS ID, by the same user only', async () => {
    const { db } = testDatabase();
    const cpnsId = await db.transact((tx) => {
      addAlice(tx);
      tx.users.add(bob, { services: [], chargeable: true });
      return tx.devices.authenticated(phone);
    });
    await expect(db.transact((tx) => tx.devices.add(phone, alice))).rejects.toMatchObject({ code: 'DuplicateDevice' });
    await db.transact((tx) => tx.devices.revoke(phone));
    await expect(db.transact((tx) => tx.devices.add(phone, bob))).rejects.toMatchObject({ code: 'DuplicateDevice' });
    await expect(db.transact((tx) => tx.devices.add(phone, alice))).resolves.toMatchObject({
      state: 'active',
      cpnsId,
      lastSeenMs: undefined,
    });
  });
});

describe('key rows', () => {
  const row = (kid: string, active = true) => ({ kid: keyId(kid), entityId: phone, sealed: octets(48), active });

  it('have at most one active key for a device', async () => {
    const { db } = testDatabase();
    db.keys.addEuKey(row('0000000000000001'));
    await db.transact((tx) => tx.keys.addEuKey(row('0000000000000002')));
    expect(db.keys.activeEuKey(phone)?.kid).toBe('0000000000000002');
    expect(db.keys.euKeyByKid(keyId('0000000000000001'))?.active).toBe(false);
    db.keys.deactivateEuKeys(phone);
    expect(db.keys.activeEuKey(phone)).toBeUndefined();
  });

  it('never take a key id twice, not even an inactive one', () => {
    const { db } = testDatabase();
    db.keys.addEuKey(row('0000000000000001'));
    db.keys.addEuKey(row('0000000000000002'));
    expect(() => db.keys.addEuKey(row('0000000000000001'))).toThrowError(expect.objectContaining({ code: 'DuplicateKey' }));
    expect(db.keys.activeEuKey(phone)?.kid, 'nothing of the failed change is kept').toBe('0000000000000002');
  });

  it('are part of the transaction they are written in', async () => {
    const { db } = testDatabase();
    const failing = db.transact((tx) => {
      tx.keys.addEuKey(row('0000000000000001'));
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(db.keys.euKeyByKid(keyId('0000000000000001'))).toBeUndefined();
  });

  it('hold one server identity', () => {
    const { db } = testDatabase();
    expect(db.keys.serverIdentity()).toBeUndefined();
    const identity = { serverId: serverId('cpns.example.org'), signingKeyId: 1, sealedSeed: octets(48) };
    db.keys.putServerIdentity(identity);
    expect(db.keys.serverIdentity()).toEqual(identity);
    expect(() => db.keys.putServerIdentity(identity)).toThrowError(expect.objectContaining({ code: 'DuplicateKey' }));
  });
});
