import { type EntityId, entityId, pnId, userId } from '@cpns/shared';
import { beforeEach, describe, expect, it } from 'vitest';
import { MAX_INVITATIONS, type OpenInvitation } from '../../src/inventory/open-invitations.js';
import { addAlice, addHome, alice, home, laptop, octets, type TestDatabase, testDatabase, testDirectory } from './fixture.js';

const [bob, carol] = [userId('bob'), userId('carol')];
const [tv, radio] = [entityId('bobs-tv'), entityId('bobs-radio')];
const elsewhere = pnId('ffeeddccbbaa99887766554433221100');

let there: TestDatabase;

async function people(options: Parameters<typeof testDatabase>[0] = {}) {
  there = testDatabase(options);
  await there.db.transact((tx) => {
    addAlice(tx);
    addHome(tx);
    for (const user of [bob, carol]) tx.users.add(user, { services: [], chargeable: true });
    for (const device of [tv, radio]) tx.devices.add(device, bob);
  });
}
beforeEach(() => people());

const open = (what: Partial<OpenInvitation>) =>
  there.db.transact((tx) =>
    tx.invitations.open(alice, { device: undefined, user: undefined, pnId: undefined, untilMs: undefined, ...what }),
  );
const welcome = (device: EntityId, pn = home, host = alice) =>
  there.db.reads.invitations.welcomes(host, { entityId: device, userId: bob }, pn);

describe('open invitations', () => {
  it('are for one device, or for all devices of a user, into the PNs of that host alone', async () => {
    expect(welcome(tv)).toBe(false);
    await open({ device: tv });
    expect([welcome(tv), welcome(tv, elsewhere), welcome(radio), welcome(tv, home, carol)]).toEqual([true, true, false, false]);
    await open({ user: bob });
    expect(welcome(radio)).toBe(true);
  });

  it('are for one PN when they name it, and go with it', async () => {
    await open({ user: bob, pnId: home });
    expect([welcome(tv, home), welcome(tv, elsewhere)]).toEqual([true, false]);
    await there.db.transact((tx) => tx.pns.remove(home));
    expect(welcome(tv, home)).toBe(false);
    expect(there.db.reads.invitations.of(alice)).toEqual([]);
  });

  it('end at their time', async () => {
    const untilMs = there.clock.wallMs() + 60_000;
    await open({ device: tv, untilMs });
    expect(there.db.reads.invitations.of(alice)).toEqual([{ device: tv, user: undefined, pnId: undefined, untilMs }]);
    await there.clock.advance(59_999);
    expect(welcome(tv)).toBe(true);
    await there.clock.advance(1);
    expect(welcome(tv)).toBe(false);
    expect(there.db.reads.invitations.of(alice)).toEqual([]);
  });

  it('end no later when the clock is set back', async () => {
    await open({ device: tv, untilMs: there.clock.wallMs() + 60_000 });
    await there.clock.advance(30_000);
    there.clock.setWallMs(there.clock.wallMs() - 3_600_000);
    expect(welcome(tv)).toBe(true);
    await there.clock.advance(30_000);
    expect(welcome(tv)).toBe(false);
  });

  it('outlive a restart', async () => {
    const path = `${testDirectory()}/cpns.db`;
    await people({ path });
    await open({ user: bob });
    await there.db.close();
    there = testDatabase({ path });
    expect(welcome(tv)).toBe(true);
  });

  it('are withdrawn by what they name, and one takes the place of its like', async () => {
    const untilMs = there.clock.wallMs() + 60_000;
    await open({ device: tv });
    await open({ device: tv, untilMs });
    await open({ device: tv, pnId: home });
    expect(there.db.reads.invitations.of(alice).map((one) => [one.pnId, one.untilMs])).toEqual([
      [undefined, untilMs],
      [home, undefined],
    ]);
    const withdraw = (pn: typeof home | undefined) =>
      there.db.transact((tx) => tx.invitations.withdraw(alice, { device: tv, user: undefined, pnId: pn }));
    expect([await withdraw(undefined), await withdraw(undefined), await withdraw(elsewhere)]).toEqual([true, false, false]);
    expect(welcome(tv)).toBe(true);
    expect(await withdraw(home)).toBe(true);
    expect(welcome(tv)).toBe(false);
  });

  it('go with the device or the user that they name, and with their host', async () => {
    await open({ device: tv });
    await open({ user: bob });
    await there.db.transact((tx) => tx.invitations.forget(tv));
    expect(there.db.reads.invitations.of(alice).map(({ user }) => user)).toEqual([bob]);
    await open({ device: radio });
    await there.db.transact((tx) => {
      for (const device of [tv, radio]) tx.devices.revoke(device);
      tx.users.remove(bob);
    });
    expect(there.db.reads.invitations.of(alice)).toEqual([]);

    await open({ user: carol });
    await there.db.transact((tx) => {
      tx.pns.removeMembers(home, [laptop], octets(48));
      for (const { entityId: device } of tx.devices.list(alice)) tx.devices.revoke(device);
      tx.users.remove(alice);
    });
    expect(there.db.reads.invitations.of(alice)).toEqual([]);
  });

  it('are bounded in number; those that ended do not count', async () => {
    const untilMs = there.clock.wallMs() + 1_000;
    await there.db.transact((tx) => {
      for (let n = 0; n < MAX_INVITATIONS; n++) {
        const device = entityId(`device-${n}`);
        tx.devices.add(device, bob);
        tx.invitations.open(alice, { device, user: undefined, pnId: undefined, untilMs });
      }
    });
    await expect(open({ user: bob })).rejects.toMatchObject({ code: 'TooManyInvitations' });
    await open({ device: entityId('device-7') });
    await there.clock.advance(1_000);
    await open({ user: bob });
    expect(there.db.reads.invitations.of(alice)).toHaveLength(2);
  });
});
