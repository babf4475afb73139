import type { EntityId } from '@cpns/shared';
import { type BodyOf, SgAction, Status, type sgActionRequest, sgActionResponse } from '@cpns/shared/messages';
import type { SgRecord } from '../../inventory/groups.js';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { ask } from './consent.js';
import { mayFind } from './discover.js';
import { entrantOf, knownGroup, pnOf, sessionOf, sessionOfMember, sgIdOf } from './place.js';

/**
 * Action 3: a device comes in by itself: at once when it belongs to the user of the owner and was not expelled, else when the owner lets it
 * in.
 */
export async function joinGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgActionRequest>>): Promise<void> {
  const { inventory, limits, groupBatches } = context;
  const { body, sender } = incoming;
  const { reads } = inventory;
  const pnId = pnOf(sessionOf(incoming));
  const sgId = sgIdOf(body.sgId);
  const group = knownGroup(reads, sgId);
  if (!mayFind(reads, group, sender)) throw refuse(Status.UnknownSg, 'UnknownSg', `${sender} may not know of the service group ${sgId}.`);
  if (reads.groups.member(sgId, sender) !== undefined) throw alreadyMember(incoming);
  limits.groupChange(sgId, sender);
  const sameUser = reads.devices.find(sender)?.userId === group.ownerUser;
  if (!sameUser || reads.groups.isShutOut(sgId, sender)) {
    const isWanted = () =>
      incoming.isWanted &&
      reads.groups.find(sgId)?.owner === group.owner &&
      reads.groups.member(sgId, sender) === undefined &&
      entrantOf(reads, sender, pnId) !== undefined;
    const word = await incoming.pendingWhile(askOwner(context, group, sender, sameUser, isWanted));
    if (word !== Status.Success) return incoming.conclude(() => answer(sgActionResponse, { status: word, sgId: body.sgId }));
  }
  await groupBatches.add(context, sgId, {
    incoming,
    reason: 'joined',
    wish(tx) {
      if (tx.groups.member(sgId, sender) !== undefined) throw alreadyMember(incoming);
      const entrant = entrantOf(tx, sender, pnId);
      if (entrant === undefined) throw refuse(Status.NotMember, 'NotMember', `${sender} is not in the PN of that session.`);
      return { add: [entrant], remove: [] };
    },
    conclude: () => answer(sgActionResponse, { status: Status.Success, sgId: body.sgId }),
  });
}

function alreadyMember({ sender }: Incoming<unknown>) {
  return refuse(Status.AlreadyMember, 'AlreadyMember', `${sender} is in that service group already.`);
}

/** Success, Rejected, Busy, Timeout or PeerUnreachable. */
async function askOwner(
  context: EnablerContext,
  group: SgRecord,
  sender: EntityId,
  sameUser: boolean,
  isWanted: () => boolean,
): Promise<Status> {
  const owner = group.owner && context.inventory.reads.groups.member(group.sgId, group.owner);
  const session = owner && sessionOfMember(context, owner);
  return session === undefined ? Status.PeerUnreachable : ask(context, session, SgAction.Join, group, sender, sender, sameUser, isWanted);
}
