import { entityId, userId } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { InventoryPolicies } from '../../src/api/policies.js';
import { addAlice, addHome, alice, home, laptop, testDatabase } from '../inventory/fixture.js';

const bob = userId('bob');
const tv = entityId('bobs-tv');

async function setUp() {
  const { db, clock } = testDatabase();
  await db.transact((tx) => {
    addAlice(tx);
    addHome(tx);
    tx.users.add(bob, { services: [], chargeable: true });
    tx.devices.add(tv, bob);
  });
  const policies = new InventoryPolicies({ inventory: db, clock });
  return { db, clock, policies, events: () => db.reads.events.latest(10).map(({ event }) => event) };
}

describe('policies', () => {
  it('are shown, and changed with one event for each change', async () => {
    const { policies, events } = await setUp();
    expect(await policies.show(alice)).toEqual({ userId: alice, guests: 'ask', chargeElsewhere: 'ask', invitations: [] });
    expect(await policies.set(alice, { guests: 'never' })).toMatchObject({ guests: 'never', chargeElsewhere: 'ask' });
    await policies.set(alice, { guests: 'never' });
    await policies.set(alice, { guests: undefined, chargeElsewhere: 'never' });
    expect(events()).toEqual(['policy-changed', 'policy-changed']);
    const unknown = userId('carol');
    for (const asked of [
      policies.show(unknown),
      policies.set(unknown, {}),
      policies.allow(unknown, { user: bob }),
      policies.forbid(unknown, {}),
    ])
      await expect(asked).rejects.toMatchObject({ code: 'UnknownUser' });
  });

  it('hold open invitations, whose opening and withdrawal are events', async () => {
    const { policies, db, clock } = await setUp();
    const until = new Date(clock.wallMs() + 1_000).toISOString();
    await policies.allow(alice, { user: bob });
    expect((await policies.allow(alice, { device: tv, pnId: home, until })).invitations).toEqual([
      { user: bob },
      { device: tv, pnId: home, until },
    ]);
    expect((await policies.forbid(alice, { user: bob })).invitations).toEqual([{ device: tv, pnId: home, until }]);
    await expect(policies.forbid(alice, { user: bob })).rejects.toMatchObject({ code: 'UnknownInvitation' });
    expect(db.reads.events.latest(10).map(({ event, text, entityId: about, pnId }) => [event, text, about, pnId])).toEqual([
      [
        'invitation-withdrawn',
        'Devices of "bob" coming into the personal networks of "alice" are not invited any more.',
        undefined,
        undefined,
      ],
      ['invitation-opened', `bobs-tv, coming into the personal network ${home}, is invited, until ${until}.`, tv, home],
      ['invitation-opened', 'Devices of "bob" coming into the personal networks of "alice" are invited.', undefined, undefined],
    ]);
    await clock.advance(1_000);
    expect((await policies.show(alice)).invitations).toEqual([]);
  });

  it.each([
    ['both a device and a user', { device: tv, user: bob }, 'NotAGuest'],
    ['nobody', {}, 'NotAGuest'],
    ['a device of his own', { device: laptop }, 'NotAGuest'],
    ['himself', { user: alice }, 'NotAGuest'],
    ['an unknown device', { device: entityId('nothing') }, 'UnknownDevice'],
    ['an unknown user', { user: userId('nobody') }, 'UnknownUser'],
    ['into an unknown PN', { user: bob, pnId: 'ff'.repeat(16) as typeof home }, 'UnknownPn'],
    ['until a time that has passed', { user: bob, until: '2025-01-01' }, 'BadTime'],
  ])('do not invite %s', async (_what, invitation, code) => {
    const { policies, events } = await setUp();
    await expect(policies.allow(alice, invitation)).rejects.toMatchObject({ code });
    expect(events()).toEqual([]);
  });

  it('invite no revoked device, and into PNs of the same user only', async () => {
    const { policies, db } = await setUp();
    await expect(policies.allow(bob, { user: alice, pnId: home })).rejects.toMatchObject({ code: 'NotAGuest' });
    await db.transact((tx) => tx.devices.revoke(tv));
    await expect(policies.allow(alice, { device: tv })).rejects.toMatchObject({ code: 'DeviceRevoked' });
  });
});
