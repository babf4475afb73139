import type { EntityId, PnId } from '@cpns/shared';
import {
  type authenticationResponses,
  type BodyOf,
  type Inventory,
  type pneRegistrationForward,
  pneRegistrationResponse,
  RequestFlow,
  Status,
} from '@cpns/shared/messages';
import { NONCE_LENGTH, toHex } from '@cpns/shared/security';
import type { Reads, Tx } from '../inventory/database.js';
import { subscriptionOf } from './admission.js';
import { admit, challenge, openRun } from './applicants.js';
import { offer } from './capabilities.js';
import type { EntryRun, RegisterRun } from './challenges.js';
import type { EnablerContext } from './context.js';
import { requireOwnPn } from './entry.js';
import { requireGatewayRight } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { type ProvenPne, prove } from './proof.js';
import { refuse } from './refusals.js';
import { Session } from './session.js';
import { pagesOf, readWhole, viewOf } from './views.js';

/** PNE Registration, first half (seed 001 figures 4 and 5). Answered with an Authentication Request. */
export async function challengeMember(context: EnablerContext, incoming: Incoming<BodyOf<typeof pneRegistrationForward>>): Promise<void> {
  const { inventory, challenges, limits, entropy } = context;
  const { body, sender: gateway } = incoming;
  const pnId = toHex(body.pnId) as PnId;

  // 3. PN GW forwards the PNE Registration Request; CPNS Server authenticates the PNE, of a PN that it does not know, too
  requireGatewayRight(inventory.reads, gateway);
  challenges.requireRoom(gateway, 1);
  const applicant = admit(
    context,
    incoming,
    body.hello,
    ({ flow }) => flow === RequestFlow.RegisterMember || flow === RequestFlow.RegisterNewcomer,
  );
  const isNewcomer = applicant.request.flow === RequestFlow.RegisterNewcomer;
  if (isNewcomer) requireAdded(inventory.reads, gateway, pnId, applicant.pne);
  limits.establish(gateway, 1);

  const randServer = entropy.bytes(NONCE_LENGTH);
  const challenged = challenge(context, applicant, { pnId: body.pnId, idGw: gateway, randGw: body.randGw, randServer });
  const run: RegisterRun | EntryRun = isNewcomer
    ? { flow: 'newcomer', gateway, pnId, randServer, pnes: [challenged], refused: new Map(), ownerAgrees: body.ownerAgrees ?? false }
    : { flow: 'register', gateway, pnId, randServer, pnes: [challenged] };
  await openRun(context, incoming, run, [applicant.pne], [applicant]);
}

/** A newcomer registers after the PN Update that added it (seed 001 figure 5, steps 4 and 5). @throws CpnsError State/NotAdded (NotMember) */
function requireAdded(reads: Pick<Reads, 'pns'>, gateway: EntityId, pnId: PnId, pne: EntityId): void {
  requireOwnPn(reads, gateway, pnId);
  if (!reads.pns.isPending(pnId, pne) && reads.pns.member(pnId, pne) === undefined)
    throw refuse(Status.NotMember, 'NotAdded', `${gateway} has not added ${pne} to the PN ${pnId}.`);
}

/** Second half: what the server says of the membership stands sealed in the first record, where no PN GW can forge it (protocol 0.14). */
export async function completeRegistration(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof authenticationResponses>>,
  run: RegisterRun,
): Promise<void> {
  const { sessions, serverKeys } = context;
  const { gateway, pnId, pnes } = run;
  const [challenged] = pnes;
  const outcome = challenged && prove(context, challenged, incoming.body.pnes.find(({ pne }) => pne === challenged.pne)?.hashPne);
  if (outcome === undefined || 'status' in outcome) {
    const status = outcome?.status ?? Status.AuthFailed;
    return incoming.conclude(() => answer(pneRegistrationResponse, { status, pnId: incoming.body.pnId }));
  }
  const { pne, material, hashServer, capabilities } = outcome.value;
  const session = new Session({ ...context, entityId: pne, pnId, gateway, material });
  try {
    await incoming.conclude((tx) => {
      // 3. CPNS Server allocates CPNS ID and updates the PN Inventory, then responds with response code and security information
      const cpnsId = tx.devices.registered(pne, capabilities);
      const { status, inventory } = updateInventory(context, tx, gateway, pnId, outcome.value);
      const record = session.firstRecord(incoming.envelope.transaction, {
        status,
        cpnsId,
        serverKeys,
        ...subscriptionOf(tx, pne),
        ...(inventory && { inventory }),
      });
      tx.afterCommit(() => (status === Status.Success ? sessions.file(session) : session.erase()));
      return answer(pneRegistrationResponse, { status: Status.Success, pnId: incoming.body.pnId, hashServer, record });
    });
  } catch (error) {
    session.erase();
    throw error;
  }
}

/** What the PNE is told of its membership, and the first page of its view if it is a member. */
function updateInventory(
  context: EnablerContext,
  tx: Tx,
  gateway: EntityId,
  pnId: PnId,
  { pne, contents }: ProvenPne,
): { readonly status: Status; readonly inventory?: Inventory | undefined } {
  const before = tx.pns.find(pnId);
  if (before === undefined) return { status: Status.UnknownPn };
  const member = tx.pns.member(pnId, pne);
  // Through another PN GW than the PN's nothing is said that would make a member give it up.
  if (before.gateway !== gateway) return { status: Status.WrongState };
  if (member === undefined || tx.devices.find(pne)?.state !== 'active') return { status: Status.NotMember };
  tx.pns.authenticated(pnId, pne);
  const pn = contents === undefined ? before : (offer(context, tx, pnId, pne, contents) ?? before);
  const [inventory] = pagesOf(pn, viewOf(readWhole(tx, pn), pne));
  return { status: Status.Success, inventory };
}
