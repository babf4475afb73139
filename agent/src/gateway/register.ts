import { CpnsError, type EntityId, type Reply, reply, withDeadline } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  type Envelope,
  pneRegistrationForward,
  pneRegistrationRequest,
  pneRegistrationResponse,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { type Changes, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { proveToServer } from './challenge.js';
import type { GatewayContext } from './gateway-context.js';

/** The whole of a PN Registration (protocol 0.3). */
const REGISTRATION_LIMIT_MS = 90_000;

/**
 * PNE Registration, PN member case (seed 001 figure 4): a member that came back gets a new session with the server and, where it asks
 * for one, a new LocalEUKey. The server decides; this side only carries.
 */
export async function register(context: GatewayContext, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  // 1. PNE Registration Request
  const { pnId: octets, hello } = bodyOf(envelope, pneRegistrationRequest);
  const pnId = pnIdText(octets);
  const pne = link.peer as EntityId;
  requireHelloOf(pne, hello);
  const server = context.server();
  const randGw = context.entropy.bytes(32);
  try {
    return await withDeadline(
      context.clock,
      REGISTRATION_LIMIT_MS,
      link.signal,
      async (signal) => {
        // 2, 3. forwarded unchanged: who is a member is for the server to say, inside its own record
        const { body: challenge } = await server.request(pneRegistrationForward, { pnId: octets, hello, randGw }, [authenticationRequest], {
          signal,
        });
        const entry = challenge.pnes.find((candidate) => candidate.pne === pne);
        if (entry === undefined || entry.status !== Status.Success) {
          throw new CpnsError('Auth', 'Refused', `The server refused to register ${pne}.`, { status: entry?.status ?? Status.AuthFailed });
        }
        const hashPne = await proveToServer(context, pnId, challenge, entry, { id: pne, link, hello }, randGw, signal);
        const { body } = await server.request(
          authenticationResponses,
          { pnId: octets, randServer: challenge.randServer, pnes: [{ pne, ...(hashPne && { hashPne }) }] },
          [pneRegistrationResponse],
          { signal },
        );
        if (body.status === Status.Success) await keepLocalEuKey(context, octets, pne);

        // 4. PN GW forwards what the server gave
        return reply(pneRegistrationResponse, body, link.hopOf(pnId));
      },
      'The registration took too long: try again.',
    );
  } finally {
    context.keys.discard(pnId, pne);
  }
}

async function keepLocalEuKey(context: GatewayContext, pnId: Uint8Array, pne: EntityId): Promise<void> {
  const id = pnIdText(pnId);
  const changes: Changes = new Map();
  const member = context.state.pn(id)?.members.some((candidate) => candidate.entityId === pne);
  if (member && context.keys.keep(changes, id, pne)) await context.state.commit(changes);
}
