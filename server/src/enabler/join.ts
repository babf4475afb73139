import type { PnId } from '@cpns/shared';
import { type BodyOf, type pneRequest, RequestFlow, Status } from '@cpns/shared/messages';
import { NONCE_LENGTH, toHex } from '@cpns/shared/security';
import { admit, challenge, openRun } from './applicants.js';
import type { EntryRun } from './challenges.js';
import type { EnablerContext } from './context.js';
import { requireOwnPn } from './entry.js';
import { requireGatewayRight } from './hello-check.js';
import type { Incoming } from './incoming.js';
import { requireMayEnter } from './membership-policy.js';
import { refuse } from './refusals.js';

/** A PNE joins a PN, first half (seed 003 figure 14, step 2). Answered with an Authentication Request. */
export async function challengeJoining(context: EnablerContext, incoming: Incoming<BodyOf<typeof pneRequest>>): Promise<void> {
  const { inventory, challenges, limits, entropy } = context;
  const { body, sender: gateway } = incoming;
  const pnId = toHex(body.pnId) as PnId;

  // 2. The PN GW sends PNE request (Join) to the CPNS Server
  const { user } = requireGatewayRight(inventory.reads, gateway);
  requireOwnPn(inventory.reads, gateway, pnId);
  const { hello, randGw, ownerAgrees = false } = body;
  if (hello === undefined || randGw === undefined || hello.idPne !== body.pne)
    throw refuse(Status.BadMessage, 'BadJoin', 'A PNE Request (Join) holds the hello of the PNE and a random number of the PN GW.');
  requireMayEnter(inventory.reads, { host: user, pnId }, body.pne, { invited: false, ownerAgrees });
  challenges.requireRoom(gateway, 1);
  const applicant = admit(context, incoming, hello, (request) => request.flow === RequestFlow.Join);
  limits.establish(gateway, 1);

  const randServer = entropy.bytes(NONCE_LENGTH);
  const pnes = [challenge(context, applicant, { pnId: body.pnId, idGw: gateway, randGw, randServer })];
  const run: EntryRun = { flow: 'join', gateway, pnId, randServer, pnes, refused: new Map(), ownerAgrees };
  await openRun(context, incoming, run, [applicant.pne], [applicant]);
}
