import type { EntityId, PnId } from '@cpns/shared';
import { PneAction, pneRequest, pneResponse, RequestFlow } from '@cpns/shared/messages';
import { type PnRecord, pnIdOctets } from '../entity/device-state.js';
import { LINK, type PeerLink } from '../entity/peer-link.js';
import { type Entrance, enter, requireRoom } from './enter.js';
import type { PneContext } from './pne-context.js';

/** As long as a PN Setup: the owner of the PN GW, and one's own, may be asked (protocol 0.3, 0.15). */
const JOIN_LIMIT_MS = 150_000;

/**
 * Joins a PN that the linked PN GW offers (seed 003 figure 14). Failed or aborted, nothing of it is kept.
 * @throws CpnsError State/AlreadyMember, State/TooManyPns, Auth/Refused (NotAuthorized), State/Refused, Auth, Timeout, Transport
 */
export async function join(context: PneContext, link: PeerLink, pnId: PnId, signal: AbortSignal): Promise<PnRecord> {
  requireRoom(context, pnId);
  const pne: EntityId = context.identity.id;
  const entrance: Entrance = {
    flow: RequestFlow.Join,
    limitMs: JOIN_LIMIT_MS,
    what: 'The request to join',
    tooLate: 'Joining the personal network took too long: try again.',
    async ask(hello, options) {
      // 1. The PNE sends PNE request (Join) to PN GW; 6. The PN GW sends PNE response (Join) to the PNE
      const request = { action: PneAction.Join, pnId: pnIdOctets(pnId), pne, hello };
      return (await link.exchange.request(pneRequest, request, [pneResponse], LINK, options)).body;
    },
  };
  return await enter(context, link, pnId, entrance, signal);
}
