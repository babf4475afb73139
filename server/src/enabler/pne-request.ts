import { type BodyOf, PneAction, type pneRequest, Status } from '@cpns/shared/messages';
import type { EnablerContext } from './context.js';
import type { Incoming } from './incoming.js';
import { challengeJoining } from './join.js';
import { leavePn } from './leave.js';
import { refuse } from './refusals.js';

/** PNE Request: what a PNE wants of a PN, forwarded by its PN GW (seed 003 6.6.2.2 and 6.6.3.1). */
export async function servePneRequest(context: EnablerContext, incoming: Incoming<BodyOf<typeof pneRequest>>): Promise<void> {
  switch (incoming.body.action) {
    case PneAction.Join:
      return challengeJoining(context, incoming);
    case PneAction.Leave:
      return leavePn(context, incoming);
    default:
      throw refuse(Status.BadAction, 'BadAction', 'The server does not serve that action of a PNE Request.');
  }
}
