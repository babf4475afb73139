import {
  type BodyOf,
  type groupKeyAck,
  type groupKeyResyncRequest,
  groupKeyResyncResponse,
  ResyncReason,
  Status,
} from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import type { Incoming } from '../incoming.js';
import { rotateGroup, signed } from './change.js';
import { pnOf, sessionOf, sgIdOf } from './place.js';
import { readTree } from './tree.js';

/**
 * Group Key Resync: a new member, or one that missed a rekey, gets its leaf key and its path, signed, in its own SK session. For a
 * member whose state is old the epoch moves first, so that nobody can play to it what it received before (security 1.8).
 */
export async function giveGroupKeys(context: EnablerContext, incoming: Incoming<BodyOf<typeof groupKeyResyncRequest>>): Promise<void> {
  const { inventory, limits } = context;
  const { body, sender } = incoming;
  const { groups } = inventory.reads;
  const sgId = sgIdOf(body.sgId);
  const pnId = pnOf(sessionOf(incoming));
  const refused = (status: Status) => incoming.answer(groupKeyResyncResponse, { status, sgId: body.sgId });
  if (groups.find(sgId) === undefined) return refused(Status.UnknownSg);
  if (groups.member(sgId, sender)?.pnId !== pnId || groups.member(sgId, sender) === undefined) return refused(Status.NotMember);
  limits.groupResync(sgId, sender);
  if (body.reason === ResyncReason.Restored && limits.groupRestore(sgId, sender)) {
    await incoming.change((tx) => {
      const group = tx.groups.find(sgId);
      if (group !== undefined) rotateGroup(context, tx, group, 'expelled');
    });
  }
  const group = groups.find(sgId);
  const member = groups.member(sgId, sender);
  if (group === undefined || member === undefined) return refused(group === undefined ? Status.UnknownSg : Status.NotMember);
  const { leaf } = member;
  const { leafKey, records } = readTree(context, sgId, groups, (tree) => {
    const path = tree.resync(BigInt(group.epoch), leaf);
    return { ...path, leafKey: path.leafKey.reveal().slice() };
  });
  const [part] = signed(context, sgId, group.epoch, records, 0, 0);
  if (part === undefined) return refused(Status.ServerError);
  await incoming.answer(groupKeyResyncResponse, { status: Status.Success, sgId: body.sgId, leafKey, leaf, ...part });
  leafKey.fill(0);
}

/** A member has the Group Key of an epoch durably; it says so as soon as it is back, too, and gets what was kept for it. */
export async function groupKeyTaken(context: EnablerContext, incoming: Incoming<BodyOf<typeof groupKeyAck>>): Promise<void> {
  const { inventory, rekeys, keptDelivery } = context;
  const { body, sender } = incoming;
  const sgId = sgIdOf(body.sgId);
  if (inventory.reads.groups.member(sgId, sender) === undefined) return;
  rekeys.acknowledged(sgId, body.epoch, sender);
  keptDelivery.begin(context, sessionOf(incoming));
}
