import { deadline, type PnId, refused } from '@cpns/shared';
import { pneRegistrationRequest, pneRegistrationResponse, RequestFlow, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import { acceptConfirmation } from './accept.js';
import { HOP_TIMEOUT_MS, type PneContext } from './pne-context.js';
import { abandonRun, beginRun } from './run.js';

/** The whole of a PN Registration (protocol 0.3). */
const REGISTRATION_LIMIT_MS = 90_000;

/**
 * PNE Registration, PN member case (seed 001 figure 4): a new session with the server for a PN this device is in, and with L = 1 a new
 * LocalEUKey. The server's sealed word may also be that the PN is gone: then it is forgotten here.
 * @throws CpnsError State/NotInPn, State/Refused, Auth, Timeout, Transport
 */
export async function register(context: PneContext, link: PeerLink, pnId: PnId): Promise<void> {
  const run = beginRun(context, link, pnId, { flow: RequestFlow.RegisterMember });
  const limit = deadline(context.clock, REGISTRATION_LIMIT_MS, link.signal, 'The registration took too long: it is tried again.');
  try {
    context.runs.add(pnId, run);
    // 1. PNE Registration Request to the PN GW; 4. its response
    const { body } = await link.exchange.request(
      pneRegistrationRequest,
      { pnId: pnIdOctets(pnId), hello: run.handshake.hello },
      [pneRegistrationResponse],
      link.hopOf(pnId),
      { timeoutMs: HOP_TIMEOUT_MS, signal: limit.signal },
    );
    if (body.status !== Status.Success) throw refused(body.status, 'The registration');
    await context.settling.run(pnId, () => acceptConfirmation(context, pnId, run, body));
  } catch (error) {
    if (context.runs.get(pnId, link) === run) abandonRun(context, pnId, link);
    throw error;
  } finally {
    limit.done();
  }
}
