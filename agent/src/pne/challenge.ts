import { CpnsError, type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import { authenticationRequestToPne, authenticationResponse, bodyOf, type Envelope, Status } from '@cpns/shared/messages';
import { pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { openPanSession } from './pan-session.js';
import type { PneContext } from './pne-context.js';
import { abandonRun, leaveHop } from './run.js';

/**
 * Answers the server's challenge that the PN GW relays (seed 003 6.6.1.1 steps 6 and 8): unwraps the LocalEUKey, protects the hop with
 * it, and only then sends hash_PNE, inside the new session. A run answers one challenge; another one ends it.
 */
export async function answerChallenge(context: PneContext, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  const { challenge } = bodyOf(envelope, authenticationRequestToPne);
  const pnId: PnId = pnIdText(challenge.pnId);
  const run = context.runs.get(pnId, link);
  if (run === undefined)
    throw new CpnsError('State', 'NoRun', 'A challenge came for a network that this device did not ask for.', {
      status: Status.WrongState,
    });
  const gateway = link.peer as EntityId;
  try {
    if (run.handshake.answered)
      throw new CpnsError('State', 'SecondChallenge', 'The server challenged this device twice in one run.', {
        status: Status.WrongState,
      });
    const { hashPne, localEuKey } = run.handshake.answer(challenge, { pnId: pnIdOctets(pnId), idGw: gateway });
    if (localEuKey !== undefined) {
      context.keys.offer(pnId, gateway, localEuKey);
      await openPanSession(context, link, pnId, localEuKey);
      if (context.runs.get(pnId, link) !== run) {
        leaveHop(context, pnId, link);
        throw new CpnsError('State', 'RunOver', 'The run was given up meanwhile.', { status: Status.WrongState });
      }
    } else if (!link.hasPan(pnId) && !context.settings.allowUnprotectedPan) {
      throw new CpnsError('Auth', 'UnprotectedHop', 'The link to the PN GW is not protected.');
    }
    return reply(authenticationResponse, { pnId: pnIdOctets(pnId), hashPne }, link.hopOf(pnId));
  } catch (error) {
    abandonRun(context, pnId, link);
    throw error;
  }
}
