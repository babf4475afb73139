import type { DeviceHandle } from '../rigs/rig.js';
import { allTalk, createGroup, group, groups, handOver, inviteToGroup, outOfGroup, tellsGroup, together, twoHomes } from './acts/groups.js';
import { create, household } from './acts/household.js';
import { established } from './acts/look.js';
import { networkOfAll } from './acts/network-of-all.js';
import { defineScenario, type Telling } from './scenario.js';

export const groupCreateAndTalk = defineScenario({
  name: 'group-create-and-talk',
  title: 'A PNE creates a service group of PNE and PN GW; what one says all others are shown, once, and the server is not told.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, board } = await networkOfAll(t);
    t.step('The phone creates a group with the board and the laptop.');
    const { group: made, outcomes } = await createGroup(phone, { name: 'kitchen', members: [board.id, laptop.id] });
    t.same(
      'both are in it',
      outcomes.map(({ joined }) => joined),
      [true, true],
    );
    t.same('it is the phone’s', [made.name, made.owner, made.open], ['kitchen', phone.id, false]);
    const { sgId } = made;
    await together(t, { sgId, owner: phone, members: [phone, board, laptop] });
    await allTalk(t, sgId, [phone, board, laptop], 'at first');

    t.step('Only its owner can do what is the owner’s.');
    await t.fails('the board cannot expel', board.request('group.expel', { group: sgId, members: [phone.id] }), 'NotOwner');
    await t.fails('nor release', board.request('group.release', { group: sgId }), 'NotOwner');
    await t.fails('nor hand over', handOver(board, sgId, laptop), 'NotOwner');

    t.step('Board and phone have a second one, of which the laptop hears nothing although it carries what they say.');
    const { group: second } = await createGroup(board, { name: 'pantry', members: [phone.id] });
    await together(t, { sgId: second.sgId, owner: board, members: [board, phone] });
    await allTalk(t, second.sgId, [board, phone], 'in the pantry', [laptop]);
    t.same(
      'the laptop is in one group',
      (await groups(laptop)).map((one) => one.sgId),
      [sgId],
    );
  },
});

export const groupConsent = defineScenario({
  name: 'group-create-and-talk/consent',
  title: 'Nobody is in a group who did not agree: one who says no is left out, and comes in by an invitation that it accepts.',
  needs: [],
  run: async (t) => {
    const home = await household(t, { board: { consent: 'ask' } });
    const { phone, laptop, board } = home;
    t.step('All three are in a PN.');
    const creating = create(phone, { setup: 'all' });
    creating.catch(() => {});
    await answer(t, board, 'invitation', true);
    const { pn } = await creating;
    await established(t, t.stage.server, { pnId: pn.pnId, gateway: laptop, pnes: [phone, board] });

    t.step('The phone creates a group of all; the person at the board says no.');
    const first = createGroup(phone, { name: 'kitchen', members: [board.id, laptop.id] });
    first.catch(() => {});
    await answer(t, board, 'group', false);
    const { group: made, outcomes } = await first;
    t.same('the board is left out', outcomes.find(({ id }) => id === board.id)?.joined, false);
    t.same('the laptop is in', outcomes.find(({ id }) => id === laptop.id)?.joined, true);
    const { sgId } = made;
    const before = await together(t, { sgId, owner: phone, members: [phone, laptop] });
    await outOfGroup(t, board, sgId);
    await allTalk(t, sgId, [phone, laptop], 'without the board', [board]);

    t.step('The phone invites the board; the person says yes.');
    const inviting = inviteToGroup(phone, sgId, board);
    inviting.catch(() => {});
    await answer(t, board, 'group', true);
    t.same('it is in', (await inviting).outcomes[0]?.joined, true);
    await together(t, { sgId, owner: phone, members: [phone, laptop, board], newerThan: before });
    await allTalk(t, sgId, [phone, laptop, board], 'all together');
  },
});

/** The person at a device answers what it is asked. */
async function answer(t: Telling, at: DeviceHandle, kind: 'group' | 'invitation', yes: boolean): Promise<void> {
  const { consentId } = await t.eventually(`the person at the ${at.id} is asked`, async () =>
    (await at.request('consent.list', {})).consents.find((one) => one.kind === kind),
  );
  await at.request(yes ? 'consent.accept' : 'consent.refuse', { consentId });
}

export const groupOverTwoGateways = defineScenario({
  name: 'group-over-two-gateways',
  title: 'Members behind two PN GWs are in one group; a gateway that is no member carries what it cannot read.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, tablet, den } = await twoHomes(t);
    t.step('The phone creates a group with the tablet: both gateways only carry.');
    const { group: made } = await createGroup(phone, { name: 'chess', members: [tablet.id] });
    const { sgId } = made;
    const before = await together(t, { sgId, owner: phone, members: [phone, tablet] });
    await allTalk(t, sgId, [phone, tablet], 'over two gateways', [laptop, den]);

    t.step('The den comes in: a PN GW is a member by itself.');
    await inviteToGroup(phone, sgId, den);
    await together(t, { sgId, owner: phone, members: [phone, tablet, den], newerThan: before });
    await allTalk(t, sgId, [phone, tablet, den], 'with the den', [laptop]);
    t.same('the laptop knows nothing of it', await group(laptop, sgId), undefined);
  },
});

export const groupOverBleAndLan = defineScenario({
  name: 'group-over-two-gateways/ble-and-lan',
  title: 'One gateway has its member over Bluetooth, the other one over the local network, and they are in one group.',
  needs: ['ble', 'ip'],
  run: async (t) => {
    const ble = { pan: ['ble'] } as const;
    const lan = { pan: ['lan'] } as const;
    const { phone, tablet, den } = await twoHomes(t, { laptop: ble, phone: ble, den: lan, tablet: lan });
    const { group: made } = await createGroup(tablet, { name: 'chess', members: [phone.id] });
    const { sgId } = made;
    await together(t, { sgId, owner: tablet, members: [phone, tablet] });
    await allTalk(t, sgId, [phone, tablet], 'over Bluetooth and network', [den]);
    t.step('A long message goes over both, too.');
    await tellsGroup(t, tablet, sgId, 'la'.repeat(4_000), [phone]);
  },
});
