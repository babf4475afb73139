import type { EntityId, PnId } from '@cpns/shared';
import { type BodyOf, type HelloRequest, type pnUpdateRequest, pnUpdateResponse, RequestFlow, Status } from '@cpns/shared/messages';
import { NONCE_LENGTH, toHex } from '@cpns/shared/security';
import { type Applicant, admit, challengeAll, openRun, settle } from './applicants.js';
import type { EntryRun } from './challenges.js';
import type { EnablerContext } from './context.js';
import { requireOwnPn } from './entry.js';
import { requireGatewayRight } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { requireMayEnter } from './membership-policy.js';
import { refuse, statusOf } from './refusals.js';

const accepts = ({ flow, consent }: HelloRequest) => flow === RequestFlow.Invite && consent === true;

/** PN Update (add): of PNEs that agreed to come, with their hellos, or of newcomers that are about to register. */
export async function addToPn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnUpdateRequest>>): Promise<void> {
  const { inventory, challenges, limits } = context;
  const { body, sender: gateway } = incoming;
  const pnId = toHex(body.pnId) as PnId;
  const pnes = [...new Set(body.pnes)];
  requireGatewayRight(inventory.reads, gateway);
  requireOwnPn(inventory.reads, gateway, pnId);
  if (body.hellos === undefined) {
    limits.establish(gateway, pnes.length);
    return addPending(incoming, pnId, pnes);
  }
  const { hellos, randGw } = body;
  if (randGw === undefined || hellos.length !== pnes.length || hellos.some(({ idPne }, i) => idPne !== pnes[i]))
    throw refuse(Status.BadMessage, 'BadPnes', 'A PN Update Request (add) names each PNE once, and holds its hello in the same place.');
  challenges.requireRoom(gateway, pnes.length);
  await challengeInvited(context, incoming, pnId, hellos, randGw);
}

/** PNEs that were invited, first half (seed 003 figures 12 and 13, PN Update Request). Answered with an Authentication Request. */
async function challengeInvited(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof pnUpdateRequest>>,
  pnId: PnId,
  hellos: NonNullable<BodyOf<typeof pnUpdateRequest>['hellos']>,
  randGw: Uint8Array,
): Promise<void> {
  const { inventory, limits, entropy } = context;
  const { body, sender: gateway } = incoming;
  const { user } = requireGatewayRight(inventory.reads, gateway);
  const ownerAgrees = body.ownerAgrees ?? false;
  const refused = new Map<EntityId, Status>();
  const applicants: Applicant[] = [];
  for (const hello of hellos) {
    const outcome = settle(context, hello.idPne, () => {
      requireMayEnter(inventory.reads, { host: user, pnId }, hello.idPne, { invited: true, ownerAgrees });
      return admit(context, incoming, hello, accepts);
    });
    if ('value' in outcome) applicants.push(outcome.value);
    else refused.set(hello.idPne, statusOf(outcome.refusal));
  }
  limits.establish(gateway, applicants.length);

  const randServer = entropy.bytes(NONCE_LENGTH);
  const pnes = challengeAll(context, applicants, refused, { pnId: body.pnId, idGw: gateway, randGw, randServer });
  if (pnes.length === 0)
    throw refuse([...refused.values()][0] ?? Status.AuthFailed, 'NobodyChallenged', 'No PNE is left to be challenged.');
  const run: EntryRun = { flow: 'invite', gateway, pnId, randServer, pnes, refused, ownerAgrees };
  const claimed = hellos.map(({ idPne }) => idPne);
  await openRun(context, incoming, run, claimed, applicants);
}

/** Newcomers (seed 001 figure 5, step 4): Pending until they are authenticated (protocol e.14). */
async function addPending(incoming: Incoming<BodyOf<typeof pnUpdateRequest>>, pnId: PnId, pnes: readonly EntityId[]): Promise<void> {
  const { body, sender: gateway } = incoming;
  await incoming.conclude((tx) => {
    const { user } = requireGatewayRight(tx, gateway);
    requireOwnPn(tx, gateway, pnId);
    const way = { invited: false, ownerAgrees: body.ownerAgrees ?? false };
    for (const pne of pnes) requireMayEnter(tx, { host: user, pnId }, pne, way);
    tx.pns.addPending(pnId, pnes);
    const statusOfPne = (pne: EntityId) => (tx.pns.isPending(pnId, pne) ? Status.Success : Status.AlreadyMember);
    const outcomes = pnes.map((pne) => ({ pne, status: statusOfPne(pne) }));
    return answer(pnUpdateResponse, { status: Status.Success, pnId: body.pnId, pnes: outcomes });
  });
}
