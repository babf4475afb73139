import type { PnId } from '@cpns/shared';
import { pneRegistrationRequest, pneRegistrationResponse, RequestFlow } from '@cpns/shared/messages';
import { type PnRecord, pnIdOctets } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import { type Entrance, enter, requireRoom } from './enter.js';
import type { PneContext } from './pne-context.js';

/** The whole of a PN Registration (protocol 0.3). */
const REGISTRATION_LIMIT_MS = 90_000;
/** The same where the owner of the PN GW, and one's own, may be asked first. */
const NEWCOMER_LIMIT_MS = 150_000;

/**
 * PNE Registration, PN member case (seed 001 figure 4): a new session with the server for a PN this device is in, and with L = 1 a new
 * LocalEUKey. The server's sealed word may also be that the PN is gone: then it is forgotten here.
 * @throws CpnsError State/NotInPn, State/Refused, Auth, Timeout, Transport
 */
export function register(context: PneContext, link: PeerLink, pnId: PnId): Promise<PnRecord> {
  return ask(context, link, pnId, RequestFlow.RegisterMember, REGISTRATION_LIMIT_MS, link.signal);
}

/**
 * PNE Registration, non PN member case (seed 001 figure 5): the PN GW adds this device to that PN, then the server registers it.
 * @throws CpnsError State/AlreadyMember, State/TooManyPns, Auth/Refused (NotAuthorized), Auth, Timeout, Transport
 */
export async function registerNewcomer(context: PneContext, link: PeerLink, pnId: PnId, signal: AbortSignal): Promise<PnRecord> {
  requireRoom(context, pnId);
  return await ask(context, link, pnId, RequestFlow.RegisterNewcomer, NEWCOMER_LIMIT_MS, signal);
}

function ask(context: PneContext, link: PeerLink, pnId: PnId, flow: RequestFlow, limitMs: number, signal: AbortSignal): Promise<PnRecord> {
  const entrance: Entrance = {
    flow,
    limitMs,
    what: 'The registration',
    tooLate: 'The registration took too long: try again.',
    async ask(hello, options) {
      // 1. PNE Registration Request to the PN GW; 4. its response
      const request = { pnId: pnIdOctets(pnId), hello };
      const { body } = await link.exchange.request(pneRegistrationRequest, request, [pneRegistrationResponse], link.hopOf(pnId), options);
      return body;
    },
  };
  return enter(context, link, pnId, entrance, signal);
}
