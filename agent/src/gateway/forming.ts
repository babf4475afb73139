import { abortReason, CpnsError, type EntityId, type PnId, refused } from '@cpns/shared';
import {
  ack,
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  pnEstablishmentNotify,
  pnRegistrationRequest,
  pnRegistrationResponse,
  RemoveReason,
  Status,
  statusSentence,
} from '@cpns/shared/messages';
import { type Changes, DeviceState, PnRole, pnIdOctets } from '../entity/device-state.js';
import { LINK } from '../entity/peer-link.js';
import { type Applicant, proveAll, refusedByServer } from './challenge.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';
import { askMembership, type Forming, initiatorOf, inviteAll } from './invitation.js';
import { removeFromPn } from './membership.js';
import { fetchPnKey, type PnKey } from './pn-key.js';

type Registration = BodyOf<typeof pnRegistrationResponse>;
/** What the server says of one PNE at the end. */
export type Registered = Registration['pnes'][number];

/** A PN that stands here and at the server; its members are still to be told. */
export interface Formed {
  readonly pnId: PnId;
  readonly key: PnKey;
  /** Those who gave their consent, the initiator first where it is a PNE, each with what became of it. */
  readonly members: readonly (Applicant & { readonly registered: Registered })[];
}

/**
 * The steps that both ways of starting have in common: seed 002 steps 19 to 23, seed 003 figure 10 steps 2 to 13 (figure 11 steps 1 to
 * 14). Whatever goes wrong before the PN is stored here, nothing of it stays: those who took part are told, and the server is asked to
 * undo what it did. @throws CpnsError State/Refused, State/NobodyLeft, State/InitiatorGone, Transport, Timeout
 */
export async function form(context: GatewayContext, forming: Forming): Promise<Formed> {
  const { pnId, asker, outcomes, signal, progress } = forming;
  let invited: readonly EntityId[] = [];
  let admitted: readonly Applicant[] = [];
  context.forming.add(pnId);
  try {
    // 19 to 21. PN Membership request, lookup, transfer
    progress(1, 'Asking the server who may be in the network');
    const allowed = await askMembership(context, forming);

    // 2. PN Setup Request to each PNE that did not ask; 3. PN Setup Response: it takes part or not
    progress(2, 'Asking the others');
    invited = allowed.filter((pne) => pne !== asker?.id);
    admitted = await inviteAll(context, forming, invited);
    if (admitted.length === 0) throw nobodyLeft(outcomes);

    // 4 to 12. PN Registration and authentication
    progress(3, 'Registering the network');
    const registration = await registerWithServer(context, forming, admitted);

    // 22, 23. PN Key request and response; 13. PN GW stores the PN Inventory locally
    const key = await fetchPnKey(context, pnId, signal);
    if (signal.aborted) throw abortReason(signal);
    await store(context, pnId, registration, key);
    for (const { pne, status } of registration.pnes) outcomes.set(pne, status);
    const registered = (pne: EntityId) =>
      registration.pnes.find((entry) => entry.pne === pne) ?? { pne, status: outcomes.get(pne) ?? Status.AuthFailed };
    return { pnId, key, members: admitted.map((applicant) => ({ ...applicant, registered: registered(applicant.id) })) };
  } catch (error) {
    undo(context, forming, invited, admitted, error);
    throw error;
  } finally {
    context.forming.delete(pnId);
  }
}

/** Nobody is left who could be in the PN: what became of each, in words. */
function nobodyLeft(outcomes: ReadonlyMap<EntityId, Status>): CpnsError {
  const why = [...outcomes].map(([pne, status]) => `${pne}: ${statusSentence(status)}`).join('; ') || 'no device is linked';
  const [status = Status.PeerUnreachable] = outcomes.values();
  return new CpnsError('State', 'NobodyLeft', `There is nobody for the personal network (${why}).`, { status });
}

async function registerWithServer(context: GatewayContext, forming: Forming, admitted: readonly Applicant[]): Promise<Registration> {
  const { pnId, asker, outcomes, signal } = forming;
  const server = context.server();
  const randGw = context.entropy.bytes(32);

  // 4. PN Registration Request; 5. Authentication Request
  const { body: challenge } = await server.request(
    pnRegistrationRequest,
    {
      pnId: pnIdOctets(pnId),
      gatewayCapabilities: context.capabilities(),
      subscription: context.identity.subscription,
      initiator: initiatorOf(context, forming),
      randGw,
      shareMembers: context.settings.shareMembers,
      pnes: admitted.map((applicant) => applicant.hello),
    },
    [authenticationRequest],
    { signal },
  );
  for (const [pne, status] of refusedByServer(challenge)) outcomes.set(pne, status);
  const refusal = asker && outcomes.get(asker.id);
  if (refusal !== undefined) throw refused(refusal, 'The personal network');

  // 6, 7. relay the Authentication Request to each PNE; 8, 9. their Authentication Responses
  const proofs = await proveAll(context, pnId, challenge, admitted, randGw, signal);

  // A network that its initiator has given up is nobody's wish any more; at the server nothing is stored yet.
  const proven = proofs.filter(({ hashPne }) => hashPne !== undefined).map(({ pne }) => pne);
  if (asker !== undefined && !proven.includes(asker.id)) {
    throw new CpnsError('State', 'InitiatorGone', 'The device that asked for the personal network did not go on with it.', {
      status: Status.PeerUnreachable,
    });
  }
  for (const { pne, hashPne } of proofs) if (hashPne === undefined) outcomes.set(pne, Status.Timeout);
  if (proven.length === 0) throw nobodyLeft(outcomes);

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
  for (const { pne, status } of body.pnes) outcomes.set(pne, status);
  if (asker === undefined) throw nobodyLeft(outcomes);
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
    if (status !== Status.Success) context.endPans(pne, pnId);
  }
  const text = `Personal network ${pnId} established with ${passed.join(', ')}.`;
  context.happened({ type: 'pn', pnId, state: 'Established', text });
  if (inventory.n > 1) context.compare();
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
