import { type BodyOf, Status, type sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { knownGroup, ownMembership, sgIdOf } from './place.js';

/** Action 4: a member leaves (seed 000 7.y.2). It is out when it has its answer; the owner, too (protocol e.40). */
export async function leaveGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgActionRequest>>): Promise<void> {
  const { inventory, limits, groupBatches } = context;
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  knownGroup(inventory.reads, sgId);
  ownMembership(inventory.reads, incoming, sgId);
  limits.groupChange(sgId, sender);
  await groupBatches.add(context, sgId, {
    incoming,
    reason: 'left',
    wish(tx) {
      ownMembership(tx, incoming, sgId);
      return { add: [], remove: [sender] };
    },
    conclude: () => answer(sgActionResponse, { status: Status.Success, sgId: body.sgId }),
  });
}
