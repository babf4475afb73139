import { CpnsError, type EntityId, type Reply } from '@cpns/shared';
import { bodyOf, type Envelope, PneAction, pneRequest, Status } from '@cpns/shared/messages';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { GatewayContext } from './gateway-context.js';
import { join } from './join.js';
import { leave } from './leave.js';

/** PNE Request: what a PNE wants of a PN of this gateway (seed 003 6.6.2.2 and 6.6.3.1), for itself only. */
export async function servePneRequest(context: GatewayContext, link: PeerLink, envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
  const request = bodyOf(envelope, pneRequest);
  const pne = link.peer as EntityId;
  if (request.pne !== pne)
    throw new CpnsError('Auth', 'WrongPne', `${pne} asks in the name of ${request.pne}.`, { status: Status.BadMessage });
  switch (request.action) {
    case PneAction.Join:
      return await join(context, link, request);
    case PneAction.Leave:
      return await leave(context, pne, request.pnId, hop);
    default:
      throw new CpnsError('State', 'BadAction', 'This PN GW does not serve that action.', { status: Status.BadAction });
  }
}
