import {
  allTalk,
  createGroup,
  handOver,
  inviteToGroup,
  keyed,
  leaveGroup,
  newOwner,
  outOfGroup,
  saidMeanwhile,
  sendToGroup,
  tellsGroup,
  together,
  twoHomes,
} from './acts/groups.js';
import { established, peerOf } from './acts/look.js';
import { defineScenario } from './scenario.js';

/** A device that starts again has its links and sessions by then. */
const RETURN_MS = 60_000;
/** A link is given up when nothing was heard on it for so long. */
const NOTICED_MS = 60_000;

export const groupOfflineMemberReturns = defineScenario({
  name: 'group-offline-member-returns',
  title:
    'A member that was away while its group changed several times has the present key soon after it is back, and gets what was said meanwhile.',
  needs: ['power'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, tablet, den, laptopPn, denPn } = await twoHomes(t);
    const { group } = await createGroup(phone, { name: 'chess', members: [tablet.id, den.id] });
    const { sgId } = group;
    const everybody = [phone, tablet, den];
    const first = await together(t, { sgId, owner: phone, members: everybody });
    await allTalk(t, sgId, everybody, 'at first');

    t.step('The battery of the tablet is pulled.');
    await tablet.kill();
    await t.eventually('the den has noticed', async () => (await peerOf(den, tablet))?.link === undefined, NOTICED_MS);
    await tellsGroup(t, phone, sgId, 'the battery is empty', [den]);
    t.step('The laptop comes in, the den leaves and comes back: three keys that the tablet never hears of.');
    await inviteToGroup(phone, sgId, laptop);
    await leaveGroup(den, sgId);
    await outOfGroup(t, den, sgId);
    await inviteToGroup(phone, sgId, den);
    await keyed(t, sgId, [phone, laptop, den], RETURN_MS);
    await tellsGroup(t, phone, sgId, 'said while the tablet was away', [laptop, den]);
    await tellsGroup(t, laptop, sgId, 'the laptop, too', [phone, den]);
    await t.eventually('the server keeps that for the tablet', async () => {
      const { kept } = await server.admin.showGroup(sgId);
      // What was said just before may have been lost with the link.
      return kept.messages >= 3 && kept.members === 1;
    });

    t.step('The tablet is back.');
    await tablet.start();
    await together(t, { sgId, owner: phone, members: [phone, tablet, den, laptop], newerThan: first + 2 }, RETURN_MS);
    await saidMeanwhile(t, tablet, sgId, ['the battery is empty', 'said while the tablet was away', 'the laptop, too']);
    await t.eventually('the server keeps nothing any more', async () => (await server.admin.showGroup(sgId)).kept.messages === 0);
    await allTalk(t, sgId, [phone, tablet, den, laptop], 'with the tablet back');

    t.step('Both gateways are killed and start again; the group is the same.');
    await Promise.all([laptop.kill(), den.kill()]);
    await Promise.all([laptop.start(), den.start()]);
    await established(t, server, { pnId: laptopPn, gateway: laptop, pnes: [phone] }, RETURN_MS);
    await established(t, server, { pnId: denPn, gateway: den, pnes: [tablet] }, RETURN_MS);
    await together(t, { sgId, owner: phone, members: [phone, tablet, den, laptop] }, RETURN_MS);
    await allTalk(t, sgId, [phone, tablet, den, laptop], 'with the gateways back');
  },
});

export const groupServerRestarted = defineScenario({
  name: 'group-offline-member-returns/server-restarted',
  title: 'A server that is killed keeps its groups: members go on with the key that they have, and with the next one.',
  needs: ['power'],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, tablet, den } = await twoHomes(t);
    const { group } = await createGroup(phone, { name: 'chess', members: [tablet.id, den.id] });
    const { sgId } = group;
    const before = await together(t, { sgId, owner: phone, members: [phone, tablet, den] });
    t.step('The server is killed and starts again.');
    await server.kill();
    await server.start();
    t.same('the key is the same', await together(t, { sgId, owner: phone, members: [phone, tablet, den] }, RETURN_MS), before);
    await t.eventually('the den can leave', async () => (await leaveGroup(den, sgId)).sgId === sgId, RETURN_MS);
    await together(t, { sgId, owner: phone, members: [phone, tablet], newerThan: before }, RETURN_MS);
    await allTalk(t, sgId, [phone, tablet], 'after a restart', [den]);
  },
});

export const groupOwnerChanges = defineScenario({
  name: 'group-owner-changes',
  title: 'An owner hands a group over to a member that agrees; when an owner leaves, another member is the owner, and all know it.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, tablet, den } = await twoHomes(t, { tablet: { consent: 'ask' } });
    const answer = async (kind: 'group' | 'group-owner', yes: boolean) => {
      const { consentId } = await t.eventually('the person at the tablet is asked', async () =>
        (await tablet.request('consent.list', {})).consents.find((one) => one.kind === kind),
      );
      await tablet.request(yes ? 'consent.accept' : 'consent.refuse', { consentId });
    };
    const creating = createGroup(phone, { name: 'chess', members: [tablet.id, laptop.id, den.id] });
    creating.catch(() => {});
    await answer('group', true);
    const { sgId } = (await creating).group;
    const everybody = [phone, laptop, tablet, den];
    await together(t, { sgId, owner: phone, members: everybody });

    t.step('The phone hands the group over to the tablet, whose person does not want it.');
    const first = handOver(phone, sgId, tablet);
    first.catch(() => {});
    await answer('group-owner', false);
    await t.fails('the phone is told', first, 'Refused');
    await together(t, { sgId, owner: phone, members: everybody });

    t.step('It asks again; the person says yes.');
    const second = handOver(phone, sgId, tablet);
    second.catch(() => {});
    await answer('group-owner', true);
    t.same('the tablet is the owner', (await second).group.owner, tablet.id);
    const epoch = await together(t, { sgId, owner: tablet, members: everybody });
    await t.fails('the phone can expel nobody any more', phone.request('group.expel', { group: sgId, members: [den.id] }), 'NotOwner');

    t.step('The tablet leaves: another one becomes the owner, and the group goes on under a new key.');
    await leaveGroup(tablet, sgId);
    await outOfGroup(t, tablet, sgId);
    const rest = [phone, laptop, den];
    const owner = await newOwner(t, sgId, rest);
    await together(t, { sgId, owner, members: rest, newerThan: epoch });
    await allTalk(t, sgId, rest, 'under the new owner', [tablet]);

    t.step('The others leave, too; with the last one the group ends.');
    for (const member of rest) {
      await leaveGroup(member, sgId);
      await outOfGroup(t, member, sgId);
    }
    const { server } = t.stage;
    await t.eventually('the server has no group', async () => (await server.admin.listGroups()).length === 0);
    await t.fails('nobody can send to it', sendToGroup(phone, sgId, 'anybody?'), 'NotInGroup');
  },
});
