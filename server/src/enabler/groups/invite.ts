import { type BodyOf, Status, type sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import type { Entrant } from './change.js';
import { inviteAll } from './consent.js';
import { entrantOf, ownedGroup, sessionOf, sgIdOf } from './place.js';

/** Action 2: the owner invites devices; each is asked, and those who agree come in together. */
export async function inviteIntoGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgActionRequest>>): Promise<void> {
  const { inventory, groupBatches } = context;
  const { body } = incoming;
  const sgId = sgIdOf(body.sgId);
  const group = ownedGroup(inventory.reads, incoming, sgId);
  const targets = [...new Set(body.targets)];
  if (targets.length === 0) throw refuse(Status.BadAction, 'BadTargets', 'An invitation names somebody.');
  const isOwner = () => inventory.reads.groups.find(sgId)?.owner === incoming.sender;
  const statuses = new Map<string, Status>();
  const strangers = targets.filter((pne) => {
    const known = inventory.reads.groups.member(sgId, pne) !== undefined;
    if (known) statuses.set(pne, Status.AlreadyMember);
    return !known;
  });
  const asked = await incoming.pendingWhile(
    inviteAll(context, group, sessionOf(incoming), strangers, () => incoming.isWanted && isOwner()),
  );
  for (const { pne, status } of asked) statuses.set(pne, status);
  const agreed = asked.flatMap(({ entrant }) => entrant ?? []);
  const concluded = () => {
    const outcomes = targets.map((pne) => ({ pne, status: statuses.get(pne) ?? Status.ServerError }));
    const inside = outcomes.filter(({ status }) => status === Status.Success || status === Status.AlreadyMember).length;
    const status =
      inside === targets.length ? Status.Success : inside > 0 ? Status.PartialSuccess : (outcomes[0]?.status ?? Status.Rejected);
    return answer(sgActionResponse, { status, sgId: body.sgId, outcomes });
  };
  if (agreed.length === 0) return incoming.conclude(concluded);
  await groupBatches.add(context, sgId, {
    incoming,
    reason: 'joined',
    wish(tx) {
      ownedGroup(tx, incoming, sgId);
      const add: Entrant[] = [];
      for (const { entityId, pnId } of agreed) {
        // Who came in on another way meanwhile is where it wanted to be.
        if (tx.groups.member(sgId, entityId) !== undefined) continue;
        const entrant = entrantOf(tx, entityId, pnId);
        const full = tx.groups.ofMember(entityId).length >= context.settings.limits.groupsPerDevice;
        if (entrant === undefined || full) statuses.set(entityId, full ? Status.Busy : Status.NotMember);
        else add.push(entrant);
      }
      return { add, remove: [] };
    },
    conclude: concluded,
  });
}
