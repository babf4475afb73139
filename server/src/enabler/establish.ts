import type { EntityId, PnId } from '@cpns/shared';
import {
  type authenticationResponses,
  type BodyOf,
  decodeCapabilities,
  type HelloRequest,
  type pnRegistrationRequest,
  pnRegistrationResponse,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { NONCE_LENGTH, toHex } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import { confirmAll } from './admission.js';
import { type Applicant, admit, challengeAll, openRun, settle } from './applicants.js';
import type { EstablishRun } from './challenges.js';
import { recordCharges } from './charging.js';
import { confirmedByOwners } from './confirm.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { ADMITTED, entryStatus, INVITED, type Ownership, requireMayEnter, type WayIn } from './membership-policy.js';
import { openingSessions } from './opened-sessions.js';
import { newPnKey } from './pn-key.js';
import { type ProvenPne, proveAll } from './proof.js';
import { refuse, statusOf } from './refusals.js';
import { pagesOf, readWhole, viewOf, type WholePn } from './views.js';

/**
 * How a PNE of a PN Registration Request comes in: who asks for the PN, since the PN GW's owner lets it; the others, whom the PN GW asked
 * for their consent, by invitation.
 */
function wayOf({ initiator }: Pick<EstablishRun, 'initiator'>, pne: EntityId): WayIn {
  return pne === initiator ? ADMITTED : INVITED;
}

/** PN establishment, first half: initiated by a PNE (seed 003 figure 10, steps 4 and 5) or by the PN GW (figure 11, steps 5 and 6). */
export async function registerPn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnRegistrationRequest>>): Promise<void> {
  const { inventory, challenges, limits, entropy } = context;
  const { body, sender: gateway } = incoming;
  const pnId = toHex(body.pnId) as PnId;

  // 4. PN GW sends PN Registration Request message to CPNS Server
  const { user } = requireGatewayRight(inventory.reads, gateway);
  decodeCapabilities(body.gatewayCapabilities);
  const claimed = body.pnes.map(({ idPne }) => idPne);
  const byGateway = body.initiator === gateway;
  if (
    new Set(claimed).size !== claimed.length ||
    (!byGateway && claimed[0] !== body.initiator) ||
    claimed.length > context.settings.limits.pnesPerRegistration
  ) {
    throw refuse(Status.BadMessage, 'BadPnes', 'The PNEs of a PN Registration Request are not the initiator and some others, each once.');
  }
  if (inventory.reads.pns.find(pnId) !== undefined) throw refuse(Status.Duplicate, 'DuplicatePn', `There is a PN ${pnId} already.`);
  inventory.reads.pns.requireRoom(gateway);
  challenges.requireRoom(gateway, claimed.length);

  const refused = new Map<EntityId, Status>();
  const applicants: Applicant[] = [];
  for (const hello of body.pnes) {
    const setup = applicants[0]?.request;
    const outcome = settle(context, hello.idPne, () => {
      const applicant = admit(context, incoming, hello, (request, pne) =>
        byGateway ? consents(request) : agrees(request, pne, setup, claimed.length),
      );
      requireMayEnter(inventory.reads, { host: user, pnId }, applicant.pne, wayOf(body, applicant.pne));
      return applicant;
    });
    if ('value' in outcome) applicants.push(outcome.value);
    // Without the PNE that asked nobody knows what the PN was to be.
    else if (applicants.length === 0 && !byGateway) throw outcome.refusal;
    else refused.set(hello.idPne, statusOf(outcome.refusal));
  }
  limits.establish(gateway, applicants.length);

  // 5. The CPNS Server creates LocalEUKeys and sends Authentication request for the PNEs
  const randServer = entropy.bytes(NONCE_LENGTH);
  const pnes = challengeAll(context, applicants, refused, { pnId: body.pnId, idGw: gateway, randGw: body.randGw, randServer });
  if (pnes.length === 0)
    throw refuse([...refused.values()][0] ?? Status.AuthFailed, 'NobodyChallenged', 'No PNE is left to be challenged.');
  const { initiator, gatewayCapabilities, shareMembers } = body;
  const run: EstablishRun = { flow: 'establish', gateway, pnId, randServer, pnes, initiator, gatewayCapabilities, shareMembers, refused };
  await openRun(context, incoming, run, claimed, applicants);
}

/** The initiator's setup type decides whose consent counts (seed 003 step 1, A to C). */
function agrees(request: HelloRequest, pne: EntityId, setup: HelloRequest | undefined, pnes: number): boolean {
  if (setup === undefined) {
    return request.flow === RequestFlow.Setup && (request.setupType === SetupType.OneToOne ? pnes === 1 : request.setupType !== undefined);
  }
  return consents(request) && (setup.setupType === SetupType.All || (setup.named ?? []).includes(pne));
}

function consents({ flow, consent }: HelloRequest): boolean {
  return flow === RequestFlow.Consent && consent === true;
}

/** Second half of PN establishment (seed 003 figure 10, steps 10 to 12): all of it in one transaction, or nothing. */
export async function completePn(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof authenticationResponses>>,
  run: EstablishRun,
): Promise<void> {
  const { gateway } = run;

  // 11. the CPNS Server authenticates the PNEs by verifying hash_PNE, and registers the PN when at least one of them is authenticated
  const { passed, statuses } = proveAll(context, run, incoming.body.pnes);
  await openingSessions(context, run, passed, async (open) => {
    const confirmed = await confirmedByOwners(context, incoming, run, passed, statuses);
    await incoming.conclude((tx) => {
      for (const ownership of confirmed) statuses.set(ownership.pne, stillAllowed(tx, run, ownership));
      const members = confirmed.filter(({ pne }) => statuses.get(pne) === Status.Success);
      recordCharges(
        tx,
        run,
        passed.map(({ pne }) => [pne, statuses.get(pne) ?? Status.AuthFailed]),
      );
      const outcomes = [...statuses].map(([pne, status]) => ({ pne, status }));
      if (members.length === 0)
        return answer(pnRegistrationResponse, { status: Status.AuthFailed, pnId: incoming.body.pnId, pnes: outcomes });

      const whole = createPn(context, tx, run, members);

      // 12. CPNS Server calculates session key and hash value for each PNE, then sends PN Registration Response message
      const confirmations = confirmAll(context, tx, incoming.envelope.transaction, whole, members, open);
      const [inventory] = pagesOf(whole.pn, viewOf(whole, gateway));
      return answer(pnRegistrationResponse, {
        status: members.length === statuses.size ? Status.Success : Status.PartialSuccess,
        pnId: incoming.body.pnId,
        pnes: outcomes.map((outcome) => ({ ...outcome, ...confirmations.get(outcome.pne) })),
        ...(inventory && { inventory }),
      });
    });
  });
}

/** Rights may have gone since the challenge. */
function stillAllowed(tx: Tx, run: EstablishRun, ownership: Ownership): Status {
  const { user } = requireGatewayRight(tx, run.gateway);
  return entryStatus(tx, { host: user, pnId: run.pnId }, ownership, wayOf(run, ownership.pne));
}

function createPn(context: EnablerContext, tx: Tx, run: EstablishRun, members: readonly ProvenPne[]): WholePn {
  const { gateway, pnId, initiator, gatewayCapabilities, shareMembers } = run;
  tx.devices.report(gateway, gatewayCapabilities);
  for (const { pne, capabilities } of members) tx.devices.registered(pne, capabilities);
  const pn = tx.pns.create({
    pnId,
    gateway,
    initiator,
    shareMembers,
    sealedKey: newPnKey(context, pnId, 1),
    members: members.map(({ pne: entityId, contents }) => ({ entityId, contents })),
  });
  const text = `${gateway} and ${members.map(({ pne }) => pne).join(', ')} are the personal network ${pnId}.`;
  tx.events.add({ event: 'pn-established', text, entityId: gateway, pnId });
  return readWhole(tx, pn);
}
