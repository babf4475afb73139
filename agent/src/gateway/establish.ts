import { abortReason, CpnsError, deadline, describeError, type EntityId, type PnId, type Reply, refused, reply, sleep } from '@cpns/shared';
import {
  ack,
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  type Envelope,
  fromOctets,
  type Hello,
  type HelloRequest,
  helloRequest,
  pnEstablishmentNotify,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnSetupAck,
  pnSetupRequest,
  pnSetupResponse,
  RemoveReason,
  RequestFlow,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { type Changes, DeviceState, PnRole, pnIdOctets, pnIdText } from '../entity/device-state.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import { type Applicant, proveToServer, refusedByServer } from './challenge.js';
import type { Connections } from './connections.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { askMembership, type Forming, inviteAll } from './invite.js';
import { removeFromPn } from './membership.js';
import { fetchPnKey, handOutPnKey, isRefusal, type PnKey } from './pn-key.js';

/** The whole of a PN Setup; a person may take 60 s of it (protocol 0.3). */
const SETUP_LIMIT_MS = 150_000;
/** One PNE proves itself within this time; the server waits for all of them for 30 s. */
const PROOF_LIMIT_MS = 20_000;

type Registration = BodyOf<typeof pnRegistrationResponse>;

/**
 * PN establishment initiated by a PNE, the gateway's side (seed 003 figure 10, with seed 002 steps 18 to 26 around it). Whatever goes
 * wrong before the PN is stored here, nothing of it stays: those who took part are told, and the server is asked to undo what it did.
 */
export async function establish(
  context: GatewayContext,
  connections: Connections,
  initiator: PeerLink,
  envelope: Envelope,
): Promise<Reply<Hop>> {
  // 1. PN Setup Request
  const { hello } = bodyOf(envelope, pnSetupRequest);
  const id = initiator.peer as EntityId;
  const asked = readSetup(id, hello);
  context.server();
  requireRoom(context);
  const pnId = pnIdText(context.entropy.bytes(16));
  const limit = deadline(context.clock, SETUP_LIMIT_MS, initiator.signal, 'The personal network was not set up in time: try again.');
  const { signal } = limit;
  const forming: Forming = { pnId, initiator: { id, link: initiator, hello }, asked, outcomes: new Map(), signal, atServer: false };
  let invited: readonly EntityId[] = [];
  let admitted: readonly Applicant[] = [];
  context.forming.add(pnId);
  try {
    initiator.exchange.notify(pnSetupAck, { pnId: pnIdOctets(pnId) }, LINK, envelope.transaction);

    // 19 to 21. PN Membership request, lookup, transfer
    const allowed = await askMembership(context, forming);

    // 2. PN Setup Request to each other PNE; 3. PN Setup Response: it takes part or not
    invited = allowed.filter((pne) => pne !== id);
    admitted = await inviteAll(context, forming, allowed);

    // 4 to 12. PN Registration and authentication
    const registration = await registerWithServer(context, forming, admitted);

    // 22, 23. PN Key request and response; 13. PN GW stores the PN Inventory locally
    const key = await fetchPnKey(context, pnId, signal);
    if (signal.aborted) throw abortReason(signal);
    await store(context, pnId, registration, key);

    // 15. PN Establishment Notify to the others; then 24 to 26
    const status = (pne: EntityId) => registration.pnes.find((entry) => entry.pne === pne)?.status ?? Status.AuthFailed;
    for (const { id: pne, link } of admitted) if (pne !== id) void notifyMember(context, pnId, registration, link, pne, key);
    void finishConnection(context, connections, pnId, initiator, status(id), key);

    // 14. PN Setup Response to the initiator
    for (const entry of registration.pnes) forming.outcomes.set(entry.pne, entry.status);
    const own = registration.pnes.find((entry) => entry.pne === id);
    return reply(
      pnSetupResponse,
      {
        status: status(id),
        pnId: pnIdOctets(pnId),
        ...(own?.hashServer && { hashServer: own.hashServer }),
        ...(own?.record && { record: own.record }),
        outcomes: [...forming.outcomes].map(([pne, outcome]) => ({ pne, status: outcome })),
      },
      initiator.hopOf(pnId),
    );
  } catch (error) {
    undo(context, forming, invited, admitted, error);
    throw error;
  } finally {
    limit.done();
    context.forming.delete(pnId);
  }
}

function readSetup(id: EntityId, hello: Hello): HelloRequest {
  requireHelloOf(id, hello);
  const asked = fromOctets(helloRequest, hello.request, 'PN Setup Request');
  if (asked.flow === RequestFlow.Setup && asked.setupType !== undefined) return asked;
  throw new CpnsError('Codec', 'BadMessage', 'A PN Setup Request asks for something else.');
}

function requireRoom(context: GatewayContext): void {
  if (context.state.pns().length + context.forming.size < context.settings.limits.pns) return;
  throw new CpnsError('State', 'TooManyPns', 'This PN GW serves as many personal networks as it may.', { status: Status.Busy });
}

async function registerWithServer(context: GatewayContext, forming: Forming, admitted: readonly Applicant[]): Promise<Registration> {
  const { pnId, initiator, outcomes, signal } = forming;
  const server = context.server();
  const randGw = context.entropy.bytes(32);

  // 4. PN Registration Request; 5. Authentication Request
  const { body: challenge } = await server.request(
    pnRegistrationRequest,
    {
      pnId: pnIdOctets(pnId),
      gatewayCapabilities: context.capabilities(),
      subscription: context.identity.subscription,
      initiator: initiator.id,
      randGw,
      shareMembers: context.settings.shareMembers,
      pnes: admitted.map((applicant) => applicant.hello),
    },
    [authenticationRequest],
    { signal },
  );
  for (const [pne, status] of refusedByServer(challenge)) outcomes.set(pne, status);
  const refusal = outcomes.get(initiator.id);
  if (refusal !== undefined) throw refused(refusal, 'The personal network');

  // 6, 7. relay the Authentication Request to each PNE; 8, 9. their Authentication Responses
  const challenged = admitted.filter(({ id }) => challenge.pnes.some(({ pne, status }) => pne === id && status === Status.Success));
  const proofs = await Promise.all(
    challenged.map(async (applicant) => {
      const entry = challenge.pnes.find(({ pne }) => pne === applicant.id) as (typeof challenge.pnes)[number];
      const limit = deadline(context.clock, PROOF_LIMIT_MS, signal);
      const hashPne = await proveToServer(context, pnId, challenge, entry, applicant, randGw, limit.signal).finally(limit.done);
      return { pne: applicant.id, ...(hashPne && { hashPne }) };
    }),
  );

  // A network that its initiator has given up is nobody's wish any more; at the server nothing is stored yet.
  if (!proofs.some(({ pne, hashPne }) => pne === initiator.id && hashPne !== undefined)) {
    throw new CpnsError('State', 'InitiatorGone', 'The device that asked for the personal network did not go on with it.', {
      status: Status.PeerUnreachable,
    });
  }

  // 10. Authentication Response; 11, 12. PN Registration Response
  forming.atServer = true;
  const { body } = await server.request(
    authenticationResponses,
    { pnId: pnIdOctets(pnId), randServer: challenge.randServer, pnes: proofs },
    [pnRegistrationResponse],
    { signal },
  );
  if (body.status === Status.Success || body.status === Status.PartialSuccess) return body;
  forming.atServer = false;
  throw refused(body.status, 'The personal network');
}

/** The PN stands from here on: its inventory, its key and the LocalEUKeys of those who passed become durable together. */
async function store(context: GatewayContext, pnId: PnId, { inventory, pnes }: Registration, pnKey: PnKey): Promise<void> {
  if (inventory === undefined)
    throw new CpnsError('Codec', 'BadMessage', 'The server registered the personal network and sent no inventory.');
  const record = context.copies.begin(undefined, inventory);
  if (record.role !== PnRole.PnGw) throw new CpnsError('Auth', 'WrongGateway', 'The server registered another PN GW.');
  const passed = pnes.filter((entry) => entry.status === Status.Success).map((entry) => entry.pne);
  const listed = new Set(record.members.map((member) => member.entityId));
  const unlisted = passed.filter((pne) => !listed.has(pne)).map((entityId) => ({ entityId, gateway: false }));
  const changes: Changes = new Map();
  // Somebody has left already: there is no key for those listed here, and a newer inventory, on its way, brings the one for who stays.
  const { epoch, key } = pnKey.inventoryVersion > inventory.version ? { epoch: 0, key: undefined } : pnKey;
  DeviceState.setPn(changes, { ...record, members: [...record.members, ...unlisted], pnKeyEpoch: epoch, ...(key && { pnKey: key }) });
  for (const pne of passed) context.keys.keep(changes, pnId, pne);
  await context.settling.run(pnId, () => context.state.commit(changes));
  for (const { pne, status } of pnes) {
    context.keys.discard(pnId, pne);
    if (status !== Status.Success) context.linkTo(pne)?.removePan(pnId);
  }
  const text = `Personal network ${pnId} established with ${passed.join(', ')}.`;
  context.happened({ type: 'pn', pnId, state: 'Established', text });
  if (inventory.n > 1) context.compare();
}

/** Step 15 for one PNE, and 24, 25 once it has verified the server; a PNE that says it did not is taken out of the PN (e.12). */
async function notifyMember(
  context: GatewayContext,
  pnId: PnId,
  registration: Registration,
  link: PeerLink,
  pne: EntityId,
  key: PnKey,
): Promise<void> {
  const entry = registration.pnes.find((candidate) => candidate.pne === pne);
  const notice = {
    status: entry?.status ?? Status.AuthFailed,
    pnId: pnIdOctets(pnId),
    ...(entry?.hashServer && { hashServer: entry.hashServer }),
    ...(entry?.record && { record: entry.record }),
  };
  const options = { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal };
  try {
    await link.exchange.request(pnEstablishmentNotify, notice, [ack], link.hopOf(pnId), options);
    if (notice.status === Status.Success) await handOutPnKey(context, pnId, pne, key.graceMs);
  } catch (error) {
    context.logger.notice('a PNE did not take its part in the personal network', { pne, pn: pnId, why: describeError(error) });
    // Silence may mean that the notice arrived: then the PNE recovers, and if not, the server's own deadline removes it.
    if (notice.status === Status.Success && isRefusal(error)) await removeFromPn(context, pnId, [pne], RemoveReason.Unreachable);
  }
}

/** Steps 24 to 26 for the initiator: they follow the PN Setup Response on the same link, and tell whether it could use that. */
async function finishConnection(
  context: GatewayContext,
  connections: Connections,
  pnId: PnId,
  initiator: PeerLink,
  status: Status,
  key: PnKey,
): Promise<void> {
  const pne = initiator.peer as EntityId;
  await sleep(context.clock, 0);
  const outcome = status === Status.Success ? await handOutPnKey(context, pnId, pne, key.graceMs) : 'refused';
  if (outcome !== 'refused') return connections.confirm(initiator, pnId);
  connections.fail(initiator, new CpnsError('Auth', 'NotInPn', `${pne} is not in the personal network.`, { status: Status.AuthFailed }));
  if (status === Status.Success) await removeFromPn(context, pnId, [pne], RemoveReason.Unreachable);
}

/** Nothing of the PN is kept here; whoever was asked is told, and whom the server may have registered is taken out again. */
function undo(
  context: GatewayContext,
  { pnId, atServer }: Forming,
  invited: readonly EntityId[],
  admitted: readonly Applicant[],
  error: unknown,
): void {
  for (const { id, link } of admitted) {
    context.keys.discard(pnId, id);
    link.removePan(pnId);
  }
  for (const pne of invited) void tellFailure(context, pnId, pne, error);
  const pnes = admitted.map((applicant) => applicant.id);
  if (atServer) void removeFromPn(context, pnId, pnes, RemoveReason.Unreachable);
}

async function tellFailure(context: GatewayContext, pnId: PnId, pne: EntityId, error: unknown): Promise<void> {
  const link = context.linkTo(pne);
  const status = (error instanceof CpnsError && (error.status as Status | undefined)) || Status.ServerError;
  await link?.exchange
    .request(pnEstablishmentNotify, { status, pnId: pnIdOctets(pnId) }, [ack], LINK, { timeoutMs: HOP_TIMEOUT_MS, signal: link.signal })
    .catch(() => undefined);
}
