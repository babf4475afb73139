import { type BodyOf, Status, type sgOwnerTransferRequest, sgOwnerTransferResponse } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { changeOwner } from './change.js';
import { ownedGroup, sgIdOf } from './place.js';
import { offerOwnership } from './succession.js';

/** SG Owner Transfer (protocol a.5): the owner names another member, which is asked; the answer goes back on the same way. */
export async function transferGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgOwnerTransferRequest>>): Promise<void> {
  const { reads } = context.inventory;
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  context.limits.request(sender);
  const group = ownedGroup(reads, incoming, sgId);
  const candidate = reads.groups.member(sgId, body.candidate);
  if (candidate === undefined) throw refuse(Status.NotMember, 'NotMember', `${body.candidate} is no member of ${sgId}.`);
  if (candidate.entityId === sender) throw refuse(Status.BadAction, 'OwnsAlready', `${sender} owns the group already.`);
  const isWanted = () => incoming.isWanted && reads.groups.find(sgId)?.owner === sender;
  const word = await incoming.pendingWhile(offerOwnership(context, group, candidate, isWanted));
  if (word !== Status.Success && word !== Status.Rejected) throw refuse(word, 'NoAnswer', `${candidate.entityId} did not answer.`);
  await incoming.conclude((tx) => {
    const present = ownedGroup(tx, incoming, sgId);
    const accept = word === Status.Success && tx.groups.member(sgId, candidate.entityId) !== undefined;
    if (accept) changeOwner(context, tx, present, candidate.entityId);
    return answer(sgOwnerTransferResponse, { accept, pne: candidate.entityId, sgId: body.sgId });
  });
}
