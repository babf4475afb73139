import type { SgId } from '@cpns/shared';
import { type BodyOf, Status, type sgReleaseRequest, sgReleaseResponse } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import { answer, type Incoming } from '../incoming.js';
import { removeGroup } from './change.js';
import { knownGroup, ownedGroup, sgIdOf } from './place.js';

/** SGReleaseRequest of the owner: the Group Key is deleted, and everybody told (seed 000 7.y.3). */
export async function releaseGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgReleaseRequest>>): Promise<void> {
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  context.limits.request(sender);
  ownedGroup(context.inventory.reads, incoming, sgId);
  await incoming.conclude((tx) => {
    const group = ownedGroup(tx, incoming, sgId);
    const owner = tx.groups.member(sgId, sender);
    removeGroup(context, tx, group, `${sender} released the service group "${group.name}" (${sgId}).`, owner && [owner]);
    return answer(sgReleaseResponse, { status: Status.Success, sgId: body.sgId });
  });
}

/** The operator ends a group. @throws CpnsError State/UnknownSg */
export async function removeGroupByOperator(context: EnablerContext, sgId: SgId): Promise<void> {
  await context.inventory.transact((tx) => {
    const group = knownGroup(tx, sgId);
    removeGroup(context, tx, group, `The service group "${group.name}" (${sgId}) was removed by the operator.`);
  });
}
