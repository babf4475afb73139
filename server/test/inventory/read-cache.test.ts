import { type EntityId, keyId, pnId, userId } from '@cpns/shared';
import { toHex } from '@cpns/shared/security';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Database, Tx } from '../../src/inventory/database.js';
import { addAlice, addHome, alice, board, home, laptop, octets, phone, testDatabase } from './fixture.js';
import { limits } from './limits.js';

const devices = [phone, laptop, board];
const bob = userId('bob');
const kid = (number: number) => keyId(number.toString(16).padStart(16, '0'));

const KINDS = [
  'revoke',
  'add',
  'move',
  'registered',
  'authenticated',
  'report',
  'seen',
  'key',
  'no key',
  'policy',
  'subscription',
  'remove alice',
  'look',
] as const;

/** What one transaction does, step by step; it may look at everything in between and fail at its end. */
interface Step {
  readonly kind: (typeof KINDS)[number];
  readonly device: EntityId;
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...KINDS),
  device: fc.constantFrom(...devices),
});
const transaction = fc.record({ steps: fc.array(step, { maxLength: 4 }), fails: fc.boolean() });

function look({ reads }: Pick<Database, 'reads'>): unknown {
  return [
    reads.users.find(alice),
    devices.map((device) => [reads.devices.find(device), reads.keys.activeEuKey(device)]),
    [1, 2, 3, 4].map((number) => reads.keys.euKeyByKid(kid(number))),
  ];
}

function take(tx: Tx, { kind, device }: Step, next: number): void {
  const known = tx.devices.find(device);
  if (kind === 'add' && tx.users.find(alice) === undefined) tx.users.add(alice, { services: [], chargeable: true });
  if (kind === 'add' && known?.state !== 'active' && known?.userId !== bob) tx.devices.add(device, alice);
  if (kind === 'key') tx.keys.addEuKey({ kid: kid(next), entityId: device, sealed: octets(48, next % 256), active: true });
  if (kind === 'no key') tx.keys.deactivateEuKeys(device);
  if (kind === 'look') look({ reads: tx });
  if (kind === 'remove alice' && tx.users.find(alice) !== undefined && tx.devices.countActive(alice) === 0) tx.users.remove(alice);
  if (tx.users.find(alice) !== undefined) {
    if (kind === 'policy') tx.users.setPolicy(alice, { guests: next % 2 === 0 ? 'never' : 'ask' });
    if (kind === 'subscription') tx.users.changeSubscription(alice, { chargeable: next % 2 === 0 });
  }
  if (known === undefined) return;
  const other = known.userId === alice ? bob : alice;
  if (kind === 'move' && known.state === 'active' && tx.users.find(other) !== undefined) tx.devices.move(device, other);
  if (kind === 'revoke') tx.devices.revoke(device);
  if (kind === 'registered') tx.devices.registered(device, octets(4, next % 256));
  if (kind === 'authenticated') tx.devices.authenticated(device);
  if (kind === 'report') tx.devices.report(device, octets(5, next % 256));
  if (kind === 'seen') tx.devices.seen(device);
}

/** Everything must be read anew after this, which changes nothing. */
function touchEverything(tx: Tx): void {
  for (const device of devices) tx.devices.seen(device);
  throw new Error('touched');
}

describe('what was read before', () => {
  it('is no key any more that was replaced or taken away', async () => {
    const { db } = testDatabase();
    await db.transact(addAlice);
    const add = (number: number) =>
      db.transact((tx) => tx.keys.addEuKey({ kid: kid(number), entityId: phone, sealed: octets(48), active: true }));
    const state = () => [1, 2].map((number) => db.reads.keys.euKeyByKid(kid(number))?.active);
    expect(state()).toEqual([undefined, undefined]);
    await add(1);
    expect([state(), db.reads.keys.activeEuKey(phone)?.kid]).toEqual([[true, undefined], kid(1)]);
    await add(2);
    expect([state(), db.reads.keys.activeEuKey(phone)?.kid]).toEqual([[false, true], kid(2)]);
    await db.transact((tx) => tx.keys.deactivateEuKeys(phone));
    expect([state(), db.reads.keys.activeEuKey(phone)]).toEqual([[false, false], undefined]);
  });

  it('is the PN as each change left it, and how many a PN GW has', async () => {
    const { db } = testDatabase();
    await db.transact((tx) => {
      addAlice(tx);
      addHome(tx);
    });
    const changes: ((tx: Tx) => void)[] = [
      (tx) => tx.pns.setContents(home, laptop, octets(8)),
      (tx) => tx.pns.removeMembers(home, [laptop], octets(48, 2)),
      (tx) => tx.pns.suspend(home, octets(48, 3)),
      (tx) => tx.pns.resume(home),
      (tx) => tx.pns.raiseAll(7, () => octets(48, 4)),
      (tx) => tx.pns.remove(home),
    ];
    for (const change of changes) {
      const before = db.reads.pns.find(home);
      expect(before).toEqual(db.reads.pns.list()[0]);
      const failing = db.transact((tx) => {
        change(tx);
        expect(tx.pns.find(home)).not.toEqual(before);
        throw new Error('no');
      });
      await expect(failing).rejects.toThrow('no');
      expect(db.reads.pns.find(home)).toEqual(before);
      await db.transact(change);
      expect(db.reads.pns.find(home)).toEqual(db.reads.pns.list()[0]);
      expect(db.reads.pns.find(home)).not.toEqual(before);
    }
    const room = () => db.reads.pns.requireRoom(phone);
    const add = (i: number) => (tx: Tx) =>
      tx.pns.create({
        pnId: pnId(toHex(octets(16, i))),
        gateway: phone,
        initiator: laptop,
        shareMembers: true,
        sealedKey: octets(48),
        members: [],
      });
    for (let i = 0; i < limits.pnsPerGateway; i++) {
      room();
      await db.transact(add(i));
    }
    expect(room).toThrow('as many as a PN GW may have');
    await db.transact((tx) => tx.pns.remove(pnId(toHex(octets(16, 0)))));
    room();
  });

  it('is what the database holds, whatever transactions did and however they ended', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(transaction, { minLength: 1, maxLength: 8 }), async (transactions) => {
        const { db, clock } = testDatabase();
        await db.transact((tx) => {
          addAlice(tx);
          tx.users.add(bob, { services: [], chargeable: true });
        });
        let next = 0;
        for (const { steps, fails } of transactions) {
          look(db);
          await clock.advance(1);
          const done = db.transact((tx) => {
            for (const each of steps) take(tx, each, ++next);
            if (fails) throw new Error('no');
          });
          await done.catch((error: Error) => expect(error.message).toBe('no'));
          const seen = look(db);
          expect(devices.map((device) => db.reads.devices.find(device)).filter((record) => record !== undefined)).toEqual(
            devices.flatMap((device) => db.reads.devices.list().filter(({ entityId }) => entityId === device)),
          );
          expect(db.reads.users.find(alice)).toEqual(db.reads.users.list().find(({ userId }) => userId === alice));
          await expect(db.transact(touchEverything)).rejects.toThrow('touched');
          expect(seen).toEqual(look(db));
        }
        await db.close();
      }),
      { numRuns: 60, seed: 11 },
    );
  });
});
