import { CpnsError, deadline, type EntityId, type Reply, refused, reply } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  PneAction,
  pneRequest,
  pneResponse,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { endRun, requireMayCome, requireOpenPn, takeAdmission } from './admission.js';
import { askServer } from './ask-server.js';
import { proveAll, refusedByServer } from './challenge.js';
import type { GatewayContext } from './gateway-context.js';

/** As long as a PN Setup: the owner of this device, and that of the PNE, may be asked (protocol 0.3, 0.15). */
const JOIN_LIMIT_MS = 150_000;

/** A PNE joins a PN of this gateway (seed 003 figure 14). @throws CpnsError State/UnknownPn, Auth/NotAllowed, State/Refused, Timeout */
export async function join(context: GatewayContext, link: PeerLink, request: BodyOf<typeof pneRequest>): Promise<Reply<Hop>> {
  // 1. The PNE sends PNE request (Join) to PN GW
  const { pnId: octets, hello } = request;
  const pnId = pnIdText(octets);
  const pne = link.peer as EntityId;
  if (hello === undefined)
    throw new CpnsError('Codec', 'BadMessage', 'A request to join came without a hello.', { status: Status.BadMessage });
  requireHelloOf(pne, hello);
  requireOpenPn(context, pnId);
  return await context.underWay.run(pnId, pne, async () => {
    // Asked as long as the PNE is here; what the server has begun is finished without it, too.
    const { ownerAgrees } = await requireMayCome(context, pnId, pne, link.signal);
    const limit = deadline(context.clock, JOIN_LIMIT_MS, undefined, 'Joining took too long: try again.');
    try {
      // 2. The PN GW sends PNE request (Join) to the CPNS Server; then the PNE proves itself (protocol e.15)
      const randGw = context.entropy.bytes(32);
      const forwarded = { action: PneAction.Join, pnId: pnIdOctets(pnId), pne, hello, randGw, ...(ownerAgrees && { ownerAgrees }) };
      const options = { signal: limit.signal };
      const { body: challenge } = await context.server().request(pneRequest, forwarded, [authenticationRequest], options);
      const refusal = refusedByServer(challenge).get(pne);
      if (refusal !== undefined) throw refused(refusal, 'The request to join');
      const pnes = await proveAll(context, pnId, challenge, [{ id: pne, link, hello }], randGw, limit.signal);

      // 4. The CPNS Server sends PNE response (Join) to the PN GW
      const proof = { pnId: octets, randServer: challenge.randServer, pnes };
      const { body } = await askServer(context, authenticationResponses, proof, pneResponse, limit.signal);
      const { inventory, ...response } = body;

      // 5. The PN GW updates PN Inventory locally; 6. it sends PNE response (Join) to the PNE
      if (response.status === Status.Success) await takeAdmission(context, pnId, [pne], inventory);
      return reply(pneResponse, response, link.hopOf(pnId));
    } finally {
      limit.done();
      endRun(context, pnId, [pne]);
    }
  });
}
