import { CpnsError, describeError, type EntityId, type PnId, type Reply, refused, reply, sleep, withDeadline } from '@cpns/shared';
import {
  ack,
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  type Envelope,
  fromOctets,
  helloRequest,
  MAX_PNES_PER_REGISTRATION,
  pnEstablishmentNotify,
  pneConnectionSetupConfirmation,
  pnMembershipRequest,
  pnMembershipResponse,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnSetupAck,
  pnSetupConsent,
  pnSetupInvitation,
  pnSetupRequest,
  pnSetupResponse,
  RemoveReason,
  RequestFlow,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { DeviceState, PnRole, PnState, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import { type Applicant, proveToServer, refusedByServer } from './challenge.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { removeFromPn } from './membership.js';
import { fetchPnKey, handOutPnKey, type PnKey } from './pn-key.js';

/** The whole of a PN Setup; a person may take 60 s of it (protocol 0.3). */
const SETUP_LIMIT_MS = 150_000;
const CHALLENGE_LIMIT_MS = 30_000;

type Registration = BodyOf<typeof pnRegistrationResponse>;

/**
 * PN establishment initiated by a PNE, the gateway's side (seed 003 figure 10, with seed 002 steps 18 to 26 around it). Whatever goes
 * wrong, nothing of the PN stays here; the server removes what it registered and nobody confirmed.
 */
export async function establish(
  context: GatewayContext,
  initiator: PeerLink,
  envelope: Envelope,
  connection: () => void,
): Promise<Reply<Hop>> {
  const { hello } = bodyOf(envelope, pnSetupRequest);
  const id = initiator.peer as EntityId;
  requireHelloOf(id, hello);
  const asked = fromOctets(helloRequest, hello.request, 'PN Setup Request');
  if (asked.flow !== RequestFlow.Setup || asked.setupType === undefined)
    throw new CpnsError('Codec', 'BadMessage', 'A PN Setup Request asks for something else.');
  context.server();
  if (context.state.pns().length >= context.settings.limits.pns)
    throw new CpnsError('State', 'TooManyPns', 'This PN GW serves as many personal networks as it may.', { status: Status.Busy });

  const pnId = pnIdText(context.entropy.bytes(16));
  context.forming.add(pnId);
  let admitted: readonly Applicant[] = [];
  try {
    return await withDeadline(
      context.clock,
      SETUP_LIMIT_MS,
      initiator.signal,
      async (signal) => {
        initiator.exchange.notify(pnSetupAck, { pnId: pnIdOctets(pnId) }, LINK, envelope.transaction);

        // 19 to 21. PN Membership request, lookup, transfer
        const allowed = await askMembership(context, pnId, id, asked.setupType as SetupType, asked.named ?? [], signal);

        // 2. PN Setup Request to each other PNE; 3. PN Setup Response: it takes part or not
        const invited = allowed.filter((candidate) => candidate !== id && candidate !== context.identity.id);
        const outcomes = new Map<EntityId, Status>(
          (asked.named ?? []).filter((named) => !allowed.includes(named)).map((named) => [named, Status.NotAuthorized]),
        );
        const consenting = await Promise.all(invited.map((pne) => askConsent(context, pnId, id, pne, outcomes, signal)));
        admitted = [{ id, link: initiator, hello }, ...consenting.filter((applicant) => applicant !== undefined)].slice(
          0,
          MAX_PNES_PER_REGISTRATION,
        );

        const registration = await registerWithServer(context, pnId, id, admitted, outcomes, signal);

        // 22, 23. PN Key request and response; 13. PN GW stores the PN Inventory locally
        const key = await fetchPnKey(context, pnId, signal);
        await store(context, pnId, registration, key);
        for (const entry of registration.pnes) outcomes.set(entry.pne, entry.status);

        // 15. PN Establishment Notify to the others, beside 14, the answer to the initiator; then 24 to 26
        const others = admitted.filter((applicant) => applicant.id !== id);
        void Promise.all(others.map((applicant) => notifyMember(context, pnId, registration, applicant.link, applicant.id, key)));
        void finishConnection(context, pnId, id, key, connection);

        // 14. PN Setup Response to the initiator
        const own = registration.pnes.find((entry) => entry.pne === id);
        return reply(
          pnSetupResponse,
          {
            status: own?.status ?? Status.AuthFailed,
            pnId: pnIdOctets(pnId),
            ...(own?.hashServer && { hashServer: own.hashServer }),
            ...(own?.record && { record: own.record }),
            outcomes: [...outcomes].map(([pne, status]) => ({ pne, status })),
          },
          initiator.hopOf(pnId),
        );
      },
      'The personal network was not set up in time: try again.',
    );
  } catch (error) {
    for (const { id: pne, link } of admitted) {
      context.keys.discard(pnId, pne);
      link.removePan(pnId);
      if (pne !== id) void tellFailure(link, pnId, error);
    }
    throw error;
  } finally {
    context.forming.delete(pnId);
  }
}

/** Whom the setup type names, as far as they are here and the server lets them in; the initiator first. */
async function askMembership(
  context: GatewayContext,
  pnId: PnId,
  initiator: EntityId,
  setupType: SetupType,
  named: readonly EntityId[],
  signal: AbortSignal,
): Promise<readonly EntityId[]> {
  const others = setupType === SetupType.OneToOne ? [] : setupType === SetupType.All ? context.linkedPeers() : named;
  const candidates = [initiator, ...others.filter((other) => other !== initiator)];
  const { body } = await context
    .server()
    .request(pnMembershipRequest, { pnId: pnIdOctets(pnId), initiator, setupType, candidates }, [pnMembershipResponse], { signal });
  if (body.status !== Status.Success || !body.allowed.includes(initiator))
    throw refused(body.status === Status.Success ? Status.NotAuthorized : body.status, 'The personal network');
  return body.allowed;
}

async function askConsent(
  context: GatewayContext,
  pnId: PnId,
  initiator: EntityId,
  pne: EntityId,
  outcomes: Map<EntityId, Status>,
  signal: AbortSignal,
): Promise<Applicant | undefined> {
  const link = context.linkTo(pne);
  if (link === undefined) {
    outcomes.set(pne, Status.PeerUnreachable);
    return undefined;
  }
  try {
    const { body } = await link.exchange.request(pnSetupInvitation, { initiator, pnId: pnIdOctets(pnId) }, [pnSetupConsent], LINK, {
      timeoutMs: HOP_TIMEOUT_MS,
      signal,
    });
    if (body.status !== Status.Success || body.hello === undefined) {
      outcomes.set(pne, body.status === Status.Success ? Status.BadMessage : body.status);
      return undefined;
    }
    requireHelloOf(pne, body.hello);
    return { id: pne, link, hello: body.hello };
  } catch (error) {
    if (signal.aborted) throw error;
    outcomes.set(pne, (error instanceof CpnsError && (error.status as Status | undefined)) || Status.PeerUnreachable);
    return undefined;
  }
}

async function registerWithServer(
  context: GatewayContext,
  pnId: PnId,
  initiator: EntityId,
  admitted: readonly Applicant[],
  outcomes: Map<EntityId, Status>,
  signal: AbortSignal,
): Promise<Registration> {
  const server = context.server();
  const randGw = context.entropy.bytes(32);

  // 4. PN Registration Request; 5. Authentication Request
  const { body: challenge } = await server.request(
    pnRegistrationRequest,
    {
      pnId: pnIdOctets(pnId),
      gatewayCapabilities: context.capabilities(),
      subscription: context.identity.subscription,
      initiator,
      randGw,
      shareMembers: context.settings.shareMembers,
      pnes: admitted.map((applicant) => applicant.hello),
    },
    [authenticationRequest],
    { signal },
  );
  for (const [pne, status] of refusedByServer(challenge)) outcomes.set(pne, status);
  const refusal = outcomes.get(initiator);
  if (refusal !== undefined) throw refused(refusal, 'The personal network');

  // 6, 7. relay the Authentication Request to each PNE; 8, 9. their Authentication Responses
  const proofs = await withDeadline(
    context.clock,
    CHALLENGE_LIMIT_MS,
    signal,
    (limit) =>
      Promise.all(
        admitted.map(async (applicant) => {
          const entry = challenge.pnes.find((candidate) => candidate.pne === applicant.id);
          if (entry === undefined || entry.status !== Status.Success) return undefined;
          const hashPne = await proveToServer(context, pnId, challenge, entry, applicant, randGw, limit);
          return { pne: applicant.id, ...(hashPne && { hashPne }) };
        }),
      ),
    'The devices did not prove themselves in time: try again.',
  );
  // A network that its initiator has given up is nobody's wish any more; at the server nothing is stored yet.
  if (!proofs.some((proof) => proof?.pne === initiator && proof.hashPne !== undefined)) {
    throw new CpnsError('State', 'InitiatorGone', 'The device that asked for the personal network did not go on with it.', {
      status: Status.PeerUnreachable,
    });
  }

  // 10. Authentication Response; 11, 12. PN Registration Response
  const { body } = await server.request(
    authenticationResponses,
    { pnId: pnIdOctets(pnId), randServer: challenge.randServer, pnes: proofs.filter((proof) => proof !== undefined) },
    [pnRegistrationResponse],
    { signal },
  );
  if (body.status !== Status.Success && body.status !== Status.PartialSuccess) throw refused(body.status, 'The personal network');
  return body;
}

async function store(context: GatewayContext, pnId: PnId, registration: Registration, key: PnKey): Promise<void> {
  const { inventory } = registration;
  if (inventory === undefined)
    throw new CpnsError('Codec', 'BadMessage', 'The server registered the personal network and sent no inventory.');
  const changes = new Map();
  DeviceState.setPn(changes, {
    pnId: pnIdOctets(pnId),
    role: PnRole.PnGw,
    state: PnState.Established,
    gateway: context.identity.id,
    inventoryVersion: inventory.version,
    members: inventory.add,
    pnKeyEpoch: key.epoch,
    pnKey: key.key,
  });
  const passed = registration.pnes.filter((entry) => entry.status === Status.Success);
  for (const entry of passed) context.keys.keep(changes, pnId, entry.pne);
  await context.state.commit(changes);
  for (const entry of registration.pnes) context.keys.discard(pnId, entry.pne);
  for (const entry of registration.pnes) if (entry.status !== Status.Success) context.linkTo(entry.pne)?.removePan(pnId);
  context.happened({
    type: 'pn',
    pnId,
    state: 'Established',
    text: `Personal network ${pnId} established with ${passed.map((entry) => entry.pne).join(', ')}.`,
  });
}

/** Step 15 for one PNE, and 24, 25 once it has verified the server; a PNE that did not is taken out of the PN (e.12). */
async function notifyMember(
  context: GatewayContext,
  pnId: PnId,
  registration: Registration,
  link: PeerLink,
  pne: EntityId,
  key: PnKey,
): Promise<void> {
  const entry = registration.pnes.find((candidate) => candidate.pne === pne);
  try {
    await link.exchange.request(
      pnEstablishmentNotify,
      {
        status: entry?.status ?? Status.AuthFailed,
        pnId: pnIdOctets(pnId),
        ...(entry?.hashServer && { hashServer: entry.hashServer }),
        ...(entry?.record && { record: entry.record }),
      },
      [ack],
      link.hopOf(pnId),
      { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal },
    );
    if (entry?.status === Status.Success) await handOutPnKey(context, pnId, pne, key.graceMs);
  } catch (error) {
    context.logger.notice('a PNE did not take its part in the personal network', { pne, pn: pnId, why: describeError(error) });
    if (entry?.status === Status.Success) await removeFromPn(context, pnId, [pne], RemoveReason.Unreachable);
  }
}

/** Steps 24 to 26 for the initiator: they follow the PN Setup Response on the same link. */
async function finishConnection(context: GatewayContext, pnId: PnId, pne: EntityId, key: PnKey, connection: () => void): Promise<void> {
  await sleep(context.clock, 0);
  await handOutPnKey(context, pnId, pne, key.graceMs);
  connection();
}

async function tellFailure(link: PeerLink, pnId: PnId, error: unknown): Promise<void> {
  const status = (error instanceof CpnsError && (error.status as Status | undefined)) || Status.ServerError;
  await link.exchange
    .request(pnEstablishmentNotify, { status, pnId: pnIdOctets(pnId) }, [ack], LINK, { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal })
    .catch(() => undefined);
}

/** Step 26. */
export function connectionConfirmed(pnId: PnId): Reply<Hop> {
  return reply(pneConnectionSetupConfirmation, { status: Status.Success, pnId: pnIdOctets(pnId) });
}
