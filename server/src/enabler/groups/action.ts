import { type BodyOf, SgAction, Status, type sgActionRequest } from '@cpns/shared/messages';
import type { EnablerContext } from '../context.js';
import type { Incoming } from '../incoming.js';
import { refuse } from '../refusals.js';
import { expelFromGroup } from './expel.js';
import { inviteIntoGroup } from './invite.js';
import { joinGroup } from './join.js';
import { leaveGroup } from './leave.js';

/** SGActionRequest (seed 000 7.y.2; protocol a.7). */
export async function actOnGroup(context: EnablerContext, incoming: Incoming<BodyOf<typeof sgActionRequest>>): Promise<void> {
  const { body, sender } = incoming;
  if (body.origin !== sender) throw refuse(Status.BadMessage, 'WrongSender', `${sender} asked in the name of ${body.origin}.`);
  context.limits.request(sender);
  switch (body.action) {
    case SgAction.Expel:
      return expelFromGroup(context, incoming);
    case SgAction.Invite:
      return inviteIntoGroup(context, incoming);
    case SgAction.Join:
      return joinGroup(context, incoming);
    case SgAction.Leave:
      return leaveGroup(context, incoming);
  }
}
