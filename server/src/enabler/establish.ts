import type { EntityId, PnId } from '@cpns/shared';
import {
  authenticationRequest,
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
import { EMPTY, NONCE_LENGTH, toHex } from '@cpns/shared/security';
import type { Tx } from '../inventory/database.js';
import { type Applicant, admit, challenge, settle } from './applicants.js';
import type { ChallengedPne, EstablishRun } from './challenges.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { allowedBy } from './membership-policy.js';
import { newPnKey } from './pn-key.js';
import { type ProvenPne, prove } from './proof.js';
import { refuse, statusOf } from './refusals.js';
import { Session } from './session.js';
import { FIRST_PAGE_OCTETS, type NamedMember, PAGE_OCTETS, pagesOf, readWhole, viewOf, type WholePn } from './views.js';

/** With more PNEs than this in one request their first records carry small pages, so that the answer stays within an envelope. */
const MANY = 4;

/** PN establishment initiated by a PNE, first half (seed 003 figure 10, steps 4 and 5). */
export async function registerPn(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnRegistrationRequest>>): Promise<void> {
  const { inventory, challenges, limits, entropy, identity } = context;
  const { body, sender: gateway } = incoming;
  const pnId = toHex(body.pnId) as PnId;

  // 4. PN GW sends PN Registration Request message to CPNS Server
  const { user } = requireGatewayRight(inventory.reads, gateway);
  decodeCapabilities(body.gatewayCapabilities);
  const claimed = body.pnes.map(({ idPne }) => idPne);
  if (
    new Set(claimed).size !== claimed.length ||
    claimed[0] !== body.initiator ||
    claimed.length > context.settings.limits.pnesPerRegistration
  ) {
    throw refuse(Status.BadMessage, 'BadPnes', 'The PNEs of a PN Registration Request are not the initiator and some others, each once.');
  }
  if (inventory.reads.pns.find(pnId) !== undefined) throw refuse(Status.Duplicate, 'DuplicatePn', `There is a PN ${pnId} already.`);
  inventory.reads.pns.requireRoom(gateway);
  challenges.requireRoom(gateway, claimed.length);

  const refused = new Map<EntityId, Status>();
  const applicants: Applicant[] = [];
  const allowed = new Set(allowedBy(inventory.reads, user.userId, gateway, claimed));
  for (const hello of body.pnes) {
    const setup = applicants[0]?.request;
    const outcome = settle(context, hello.idPne, () => {
      const applicant = admit(context, incoming, hello, (request, pne) => agrees(request, pne, setup, claimed.length));
      if (!allowed.has(applicant.pne)) throw refuse(Status.NotAuthorized, 'OtherUser', `${applicant.pne} is of another user.`);
      return applicant;
    });
    if ('value' in outcome) applicants.push(outcome.value);
    // Without its initiator nobody knows what the PN was to be.
    else if (applicants.length === 0) throw outcome.refusal;
    else refused.set(hello.idPne, statusOf(outcome.refusal));
  }
  limits.establish(gateway, applicants.length);

  // 5. The CPNS Server creates LocalEUKeys and sends Authentication request for the PNEs
  const randServer = entropy.bytes(NONCE_LENGTH);
  const pnes: ChallengedPne[] = [];
  for (const applicant of applicants) {
    const outcome = settle(context, applicant.pne, () =>
      challenge(context, applicant, { pnId: body.pnId, idGw: gateway, randGw: body.randGw, randServer }),
    );
    if ('value' in outcome) pnes.push(outcome.value);
    else refused.set(applicant.pne, statusOf(outcome.refusal));
  }
  if (pnes.length === 0) throw refuse(Status.AuthFailed, 'NobodyChallenged', 'No PNE is left to be challenged.');
  const { initiator, gatewayCapabilities, shareMembers } = body;
  const run: EstablishRun = { flow: 'establish', gateway, pnId, randServer, pnes, initiator, gatewayCapabilities, shareMembers, refused };
  challenges.open(run);
  try {
    await incoming.conclude(
      () =>
        answer(authenticationRequest, {
          idServer: identity.serverId,
          randServer,
          pnId: body.pnId,
          pnes: claimed.map((pne) => challengeFor(run, pne)),
        }),
      applicants.map(({ verified }) => verified.randPne),
    );
  } catch (error) {
    challenges.abort(run);
    throw error;
  }
}

/** The initiator's setup type decides whose consent counts (seed 003 step 1, A to C). */
function agrees(request: HelloRequest, pne: EntityId, setup: HelloRequest | undefined, pnes: number): boolean {
  if (setup === undefined) {
    return request.flow === RequestFlow.Setup && (request.setupType === SetupType.OneToOne ? pnes === 1 : request.setupType !== undefined);
  }
  const consents = request.flow === RequestFlow.Consent && request.consent === true;
  return consents && (setup.setupType === SetupType.All || (setup.named ?? []).includes(pne));
}

function challengeFor(run: EstablishRun, pne: EntityId): BodyOf<typeof authenticationRequest>['pnes'][number] {
  const challenged = run.pnes.find((candidate) => candidate.pne === pne);
  if (challenged === undefined) {
    const status = run.refused.get(pne) ?? Status.AuthFailed;
    return { pne, status, eServer: EMPTY, wrapped: EMPTY, wrappedForGateway: EMPTY };
  }
  const { eServer, wrapped, wrappedForGateway } = challenged.handshake.challenge;
  return { pne, status: Status.Success, eServer, wrapped, wrappedForGateway };
}

/** Second half of PN establishment (seed 003 figure 10, steps 10 to 12): all of it in one transaction, or nothing. */
export async function completePn(
  context: EnablerContext,
  incoming: Incoming<BodyOf<typeof authenticationResponses>>,
  run: EstablishRun,
): Promise<void> {
  const { sessions } = context;
  const { gateway, pnId } = run;
  const opened: Session[] = [];

  // 11. the CPNS Server authenticates the PNEs by verifying hash_PNE, and registers the PN when at least one of them is authenticated
  const statuses = new Map(run.refused);
  const passed: ProvenPne[] = [];
  for (const challenged of run.pnes) {
    const outcome = prove(context, challenged, incoming.body.pnes.find(({ pne }) => pne === challenged.pne)?.hashPne);
    if ('value' in outcome) passed.push(outcome.value);
    else statuses.set(challenged.pne, outcome.status);
  }
  try {
    await incoming.conclude((tx) => {
      const members = stillAllowed(tx, gateway, passed);
      for (const { pne } of passed) statuses.set(pne, Status.NotAuthorized);
      for (const { pne } of members) statuses.set(pne, Status.Success);
      const outcomes = [...statuses].map(([pne, status]) => ({ pne, status }));
      if (members.length === 0)
        return answer(pnRegistrationResponse, { status: Status.AuthFailed, pnId: incoming.body.pnId, pnes: outcomes });

      const whole = createPn(context, tx, run, members);

      // 12. CPNS Server calculates session key and hash value for each PNE, then sends PN Registration Response message
      const firstOctets = members.length > MANY ? FIRST_PAGE_OCTETS : PAGE_OCTETS;
      const confirmed = new Map(
        members.map((member) => {
          const session = new Session({ ...context, entityId: member.pne, pnId, gateway, material: member.material });
          opened.push(session);
          return [member.pne, confirmTo(context, incoming.envelope.transaction, session, member, whole, firstOctets)];
        }),
      );
      tx.afterCommit(() => {
        for (const session of opened) sessions.file(session);
      });
      const [inventory] = pagesOf(whole.pn, viewOf(whole, gateway));
      return answer(pnRegistrationResponse, {
        status: members.length === statuses.size ? Status.Success : Status.PartialSuccess,
        pnId: incoming.body.pnId,
        pnes: outcomes.map((outcome) => ({ ...outcome, ...confirmed.get(outcome.pne) })),
        ...(inventory && { inventory }),
      });
    });
  } catch (error) {
    for (const session of opened) session.erase();
    throw error;
  } finally {
    // Those who passed and were let in have given their keys to their sessions.
    for (const { material } of passed) if (!opened.some((session) => session.holds(material))) material.sk.erase();
  }
}

/** Who may still be in a PN of that PN GW: rights may have gone since the challenge. */
function stillAllowed(tx: Tx, gateway: EntityId, passed: readonly ProvenPne[]): readonly ProvenPne[] {
  const { user } = requireGatewayRight(tx, gateway);
  const pnes = passed.map(({ pne }) => pne);
  const allowed = new Set(allowedBy(tx, user.userId, gateway, pnes));
  return passed.filter(({ pne }) => allowed.has(pne));
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

/** hash_server and the first record for one member, which holds the first page of its own view of the PN Inventory. */
function confirmTo(
  { serverKeys }: EnablerContext,
  transaction: Uint8Array,
  session: Session,
  { pne, hashServer }: ProvenPne,
  whole: WholePn,
  firstOctets: number,
): { readonly hashServer: Uint8Array; readonly record: Uint8Array } {
  const [inventory] = pagesOf(whole.pn, viewOf(whole, pne), firstOctets);
  const { cpnsId } = whole.members.find(({ entityId }) => entityId === pne) as NamedMember;
  const confirm = { status: Status.Success, cpnsId, serverKeys, ...(inventory && { inventory }) };
  return { hashServer, record: session.firstRecord(transaction, confirm) };
}
