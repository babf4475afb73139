import type { SgId } from '@cpns/shared';
import {
  allTalk,
  createGroup,
  expelFromGroup,
  groupGone,
  joinGroup,
  leaveGroup,
  newOwner,
  outOfGroup,
  releaseGroup,
  tellsGroup,
  together,
  twoHomes,
} from './acts/groups.js';
import type { Household } from './acts/household.js';
import { network, networks } from './acts/look.js';
import { networkOfAll } from './acts/network-of-all.js';
import { timesShown } from './acts/talk.js';
import { defineScenario, type Telling } from './scenario.js';

/** An expulsion waits 100 ms for others (security 1.8); the rest is for the machine. */
const AT_ONCE_MS = 5_000;

interface GroupOfAll extends Household {
  readonly sgId: SgId;
  readonly epoch: number;
}

/** Phone (its owner), board and laptop (their PN GW) are in one group. */
async function groupOfAll(t: Telling): Promise<GroupOfAll> {
  const home = await networkOfAll(t);
  const { phone, board, laptop } = home;
  t.step('The phone creates a group of all.');
  const { group } = await createGroup(phone, { name: 'kitchen', members: [board.id, laptop.id] });
  const epoch = await together(t, { sgId: group.sgId, owner: phone, members: [phone, board, laptop] });
  return { ...home, sgId: group.sgId, epoch };
}

export const groupLeaveRekeys = defineScenario({
  name: 'group-leave-rekeys',
  title: 'A member leaves: the others go on under a new key; it reads nothing of what follows, nor later of what was said meanwhile.',
  needs: [],
  run: async (t) => {
    const { phone, board, laptop, sgId, epoch } = await groupOfAll(t);
    await allTalk(t, sgId, [phone, board, laptop], 'at first');
    t.step('The board leaves the group; it stays in the PN.');
    await leaveGroup(board, sgId);
    await outOfGroup(t, board, sgId);
    const without = await together(t, { sgId, owner: phone, members: [phone, laptop], newerThan: epoch });
    await allTalk(t, sgId, [phone, laptop], 'without the board', [board]);
    t.same('the board is in its PN', (await networks(board)).length, 1);

    t.step('The board joins again.');
    await joinGroup(board, sgId);
    await together(t, { sgId, owner: phone, members: [phone, laptop, board], newerThan: without });
    await allTalk(t, sgId, [phone, laptop, board], 'all again');
    const meanwhile = board.heard.filter((event) => event.type === 'message' && textOf(event.payload).endsWith('without the board'));
    t.same('the board was not shown what was said meanwhile', meanwhile.length, 0);
  },
});

export const groupExpelAtOnce = defineScenario({
  name: 'group-expel-at-once',
  title: 'The owner expels a member: it is out at once, and has no part in anything that follows.',
  needs: [],
  run: async (t) => {
    const { phone, board, laptop, sgId, epoch } = await groupOfAll(t);
    t.step('The phone expels the board.');
    await expelFromGroup(phone, sgId, board);
    const without = await together(t, { sgId, owner: phone, members: [phone, laptop], newerThan: epoch }, AT_ONCE_MS);
    await outOfGroup(t, board, sgId, AT_ONCE_MS);
    await allTalk(t, sgId, [phone, laptop], 'after the expulsion', [board]);
    t.step('The board is told, has lost nothing else, and does not come in by itself: the phone is the owner.');
    t.check(
      'the board is told',
      board.heard.some((event) => event.type === 'group' && event.sgId === sgId && event.state === 'Absent'),
    );
    t.same('it is in its PN', (await networks(board)).length, 1);
    t.same('nothing has changed since', await together(t, { sgId, owner: phone, members: [phone, laptop] }), without);
  },
});

export const groupExpelWhileAway = defineScenario({
  name: 'group-expel-at-once/while-away',
  title: 'A member that is expelled while it is away finds that out when it comes back; nobody has waited for it.',
  needs: ['power'],
  run: async (t) => {
    const { phone, board, laptop, sgId, epoch } = await groupOfAll(t);
    t.step('The board is killed, and expelled.');
    await board.kill();
    await expelFromGroup(phone, sgId, board);
    await together(t, { sgId, owner: phone, members: [phone, laptop], newerThan: epoch }, AT_ONCE_MS);
    await allTalk(t, sgId, [phone, laptop], 'while the board is away');
    t.step('The board is back.');
    await board.start();
    await outOfGroup(t, board, sgId);
    await allTalk(t, sgId, [phone, laptop], 'with the board back', [board]);
    t.check(
      'it was shown nothing',
      board.heard.every((event) => event.type !== 'message'),
    );
  },
});

export const groupRelease = defineScenario({
  name: 'group-release',
  title: 'The owner releases a group with members behind two gateways; nobody keeps anything, and a new one can be made.',
  needs: [],
  run: async (t) => {
    const { server } = t.stage;
    const { phone, laptop, tablet, den } = await twoHomes(t);
    const wish = { name: 'chess', members: [tablet.id, den.id] };
    const { group } = await createGroup(phone, wish);
    await together(t, { sgId: group.sgId, owner: phone, members: [phone, tablet, den] });
    await t.fails('a member cannot release it', releaseGroup(tablet, group.sgId), 'NotOwner');
    t.step('The phone releases the group.');
    await releaseGroup(phone, group.sgId);
    await groupGone(t, server, group.sgId, [phone, laptop, tablet, den]);
    t.step('The phone makes another one of that name.');
    const { group: next } = await createGroup(phone, wish);
    t.check('it is another one', next.sgId !== group.sgId);
    await together(t, { sgId: next.sgId, owner: phone, members: [phone, tablet, den] });
    await allTalk(t, next.sgId, [phone, tablet, den], 'in the new group', [laptop]);
  },
});

export const pnReleaseWithGroups = defineScenario({
  name: 'pn-release-with-groups',
  title: 'Who loses a PN is out of every group that it was in through it; the group goes on for the others, with an owner.',
  needs: [],
  run: async (t) => {
    const { phone, laptop, tablet, den, laptopPn, denPn } = await twoHomes(t);
    t.step('The phone has a group with the tablet and the den, the den one with the phone and the tablet.');
    const { group: chess } = await createGroup(phone, { name: 'chess', members: [tablet.id, den.id] });
    const { group: garden } = await createGroup(den, { name: 'garden', members: [phone.id, tablet.id] });
    const members = [phone, tablet, den];
    const chessEpoch = await together(t, { sgId: chess.sgId, owner: phone, members });
    const gardenEpoch = await together(t, { sgId: garden.sgId, owner: den, members });

    t.step('The laptop releases its PN.');
    await laptop.request('pn.release', { pnId: laptopPn });
    await t.eventually('the phone has no PN', async () => (await networks(phone)).length === 0);
    await outOfGroup(t, phone, chess.sgId);
    await outOfGroup(t, phone, garden.sgId);
    const owner = await newOwner(t, chess.sgId, [tablet, den]);
    await together(t, { sgId: chess.sgId, owner, members: [tablet, den], newerThan: chessEpoch });
    await together(t, { sgId: garden.sgId, owner: den, members: [tablet, den], newerThan: gardenEpoch });
    await allTalk(t, chess.sgId, [tablet, den], 'without the phone', [phone]);
    await tellsGroup(t, den, garden.sgId, 'den to the garden', [tablet], [phone]);

    t.step('The den releases its PN, too: its own session is not of that PN.');
    await den.request('pn.release', { pnId: denPn });
    await outOfGroup(t, tablet, chess.sgId);
    await together(t, { sgId: garden.sgId, owner: den, members: [den] });
    t.same('nobody has a PN', [await network(tablet, denPn), await network(den, denPn)], [undefined, undefined]);
    t.same('the phone was shown nothing', timesShown(phone, 'den to the garden'), 0);
  },
});

function textOf(payload: string): string {
  return Buffer.from(payload, 'base64').toString();
}
