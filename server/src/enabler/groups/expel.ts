import { type BodyOf, Status, type sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import type { SgMemberRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { tellExpelled } from './notices.js';
import { ownedGroup, sgIdOf } from './place.js';

/** Action 1: the owner expels members (seed 000 7.y.2); the key before is not received any more (grace 0). */
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
      if (group !== undefined) tellExpelled(context, tx, group, expelled);
      const outcomes = targets.map((pne) => {
        const gone = expelled.some(({ entityId }) => entityId === pne);
        return { pne, status: gone ? Status.Success : Status.NotMember };
      });
      const gone = expelled.length;
      const status = gone === targets.length ? Status.Success : gone === 0 ? Status.NotMember : Status.PartialSuccess;
      return answer(sgActionResponse, { status, sgId: body.sgId, outcomes });
    },
  });
}
