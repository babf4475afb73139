import { type BodyOf, Status, type sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import type { SgMemberRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { tellExpelled } from './notices.js';
import { ownedGroup, sgIdOf } from './place.js';

/**
 * Action 1: the owner expels members (seed 000 7.y.2); the key before is not received any more (grace 0), and they come back only with the
 * owner's word.
 */
export async function expelFromGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgActionRequest>>): Promise<void> {
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  const targets = [...new Set(body.targets)];
  ownedGroup(context.inventory.reads, incoming, sgId);
  if (targets.length === 0 || targets.includes(sender)) {
    throw refuse(Status.BadAction, 'BadTargets', 'An owner expels others; to go, it leaves or releases the group.');
  }
  let expelled: readonly SgMemberRecord[] = [];
  await context.groupBatches.add(context, sgId, {
    incoming,
    reason: 'expelled',
    wish(tx) {
      ownedGroup(tx, incoming, sgId);
      expelled = targets.flatMap((pne) => tx.groups.member(sgId, pne) ?? []);
      return { add: [], remove: expelled.map(({ entityId }) => entityId) };
    },
    conclude(tx, group) {
      const gone = expelled.map(({ entityId }) => entityId);
      tellExpelled(context, tx, sgId, expelled);
      if (group !== undefined) tx.groups.shutOut(sgId, gone);
      const outcomes = targets.map((pne) => ({ pne, status: gone.includes(pne) ? Status.Success : Status.NotMember }));
      const status = gone.length === targets.length ? Status.Success : gone.length === 0 ? Status.NotMember : Status.PartialSuccess;
      return answer(sgActionResponse, { status, sgId: body.sgId, outcomes });
    },
  });
}
