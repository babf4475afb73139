import { CpnsError, deadline, describeError, type EntityId, type PnId, type Reply, reply, sleep, toCpnsError } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  type Envelope,
  PnOperation,
  pneInviteRequest,
  pneInviteResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  Status,
} from '@cpns/shared/messages';
import { pnIdOctets, pnIdText } from '../entity/device-state.js';
import { type Hop, LINK, type PeerLink } from '../entity/peer-link.js';
import { askWhoMayCome, endRun, isMember, requireOpenPn, takeAdmission } from './admission.js';
import { askServer } from './ask-server.js';
import { type Applicant, proveAll, refusedByServer } from './challenge.js';
import type { Registered } from './forming.js';
import type { GatewayContext } from './gateway-context.js';
import { askForHello, thatFit } from './invitation.js';
import { notify } from './notify.js';
import { isRefusal } from './pn-key.js';
import { requireEstablished, requireHop } from './routing-table.js';

/** What the server does with those who agreed, and the owner of a guest, who is asked. */
const ADMISSION_LIMIT_MS = 120_000;

/** PNEs of a large PN Setup that are invited at once, and the pause before the next ones. */
const BATCH = 16;
const BATCH_PAUSE_MS = 2_000;

/** What became of an invitation so far. */
export interface Invited {
  readonly outcomes: ReadonlyMap<EntityId, Status>;
  /** Tells those who had agreed: PN Establishment Notify. Who cannot verify the server is out again, which `outcomes` says then. */
  tell(): Promise<void>;
}

/** Who is invited, and in whose name. */
export interface Invitation {
  readonly inviter: EntityId;
  /** By this PN GW itself: its owner need not be asked whether a guest may come (protocol 0.15). */
  readonly own: boolean;
  readonly pnes: readonly EntityId[];
}

/**
 * Invites devices into a PN of this gateway, 32 at most (seed 003 figure 12; figure 13 when a member asks for it). When it resolves,
 * those who agreed and proved themselves are in the PN at the server and here.
 * @throws CpnsError State/UnknownPn, State/PnNotOpen, State/Refused, Transport, Timeout
 */
export async function invite(
  context: GatewayContext,
  pnId: PnId,
  { inviter, own, pnes }: Invitation,
  signal: AbortSignal,
): Promise<Invited> {
  requireOpenPn(context, pnId);
  const { identity, underWay, removals } = context;
  const outcomes = new Map<EntityId, Status>();
  let asked: readonly EntityId[] = [];
  const wanted = [...new Set(pnes)].filter((pne) => {
    if (removals.of(pnId).has(pne)) outcomes.set(pne, Status.Busy);
    else if (pne === identity.id || (isMember(context, pnId, pne) && !removals.has(pnId, pne))) outcomes.set(pne, Status.AlreadyMember);
    else if (!underWay.begin(pnId, pne)) outcomes.set(pne, Status.Busy);
    return !outcomes.has(pne);
  });
  try {
    const permission = await askWhoMayCome(context, pnId, wanted, { initiator: inviter, invited: own, signal });
    for (const pne of wanted) if (!permission.allowed.includes(pne)) outcomes.set(pne, Status.NotAuthorized);

    // Figure 12: 1. PNE Request (Invite), 2. PNE Invite Response; figure 13: 2., 3.
    const invitation = { pnId: pnIdOctets(pnId), inviter };
    asked = permission.allowed;
    const answers = asked.map((pne) =>
      askForHello(context, pne, outcomes, signal, async (link, options) => {
        const { body } = await link.exchange.request(pneInviteRequest, { ...invitation, invited: pne }, [pneInviteResponse], LINK, options);
        return body;
      }),
    );
    const coming = thatFit(await Promise.all(answers), outcomes);
    const registered = coming.length === 0 ? [] : await add(context, pnId, coming, permission.ownerAgrees, outcomes);
    return { outcomes, tell: () => tellAll(context, pnId, coming, registered, outcomes) };
  } catch (error) {
    const status = (toCpnsError(error).status as Status | undefined) || Status.ServerError;
    // Whoever is still asked, or has agreed, waits in vain.
    for (const id of asked) void tellOne(context, pnId, id, { pne: id, status });
    throw error;
  } finally {
    for (const pne of wanted) underWay.end(pnId, pne);
  }
}

/** The server authenticates those who agreed, and admits them. @throws CpnsError Transport, Timeout: what became of them is not known */
async function add(
  context: GatewayContext,
  pnId: PnId,
  coming: readonly Applicant[],
  ownerAgrees: boolean,
  outcomes: Map<EntityId, Status>,
): Promise<readonly Registered[]> {
  const limit = deadline(context.clock, ADMISSION_LIMIT_MS, undefined, 'The server did not let them in in time: try again.');
  const options = { signal: limit.signal };
  const octets = pnIdOctets(pnId);
  const pnes = coming.map(({ id }) => id);
  try {
    // Figure 12: 3., figure 13: 4. PN Update Request; then those who agreed prove themselves (protocol e.15)
    const randGw = context.entropy.bytes(32);
    const hellos = coming.map(({ hello }) => hello);
    const request = { pnId: octets, operation: PnOperation.Add, pnes, hellos, randGw, ...(ownerAgrees && { ownerAgrees }) };
    const { body: challenge } = await context.server().request(pnUpdateRequest, request, [authenticationRequest], options);
    for (const [pne, status] of refusedByServer(challenge)) outcomes.set(pne, status);
    const proofs = await proveAll(context, pnId, challenge, coming, randGw, limit.signal);

    // 4. (5.) PN Update Response; the PN GW updates its PN Inventory
    const answers = { pnId: octets, randServer: challenge.randServer, pnes: proofs };
    const { body } = await askServer(context, authenticationResponses, answers, pnUpdateResponse, limit.signal);
    for (const { pne, status } of body.pnes) outcomes.set(pne, status);
    const passed = body.pnes.filter(({ status }) => status === Status.Success).map(({ pne }) => pne);
    if (passed.length > 0) await takeAdmission(context, pnId, passed, body.inventory);
    return body.pnes;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    for (const pne of pnes) outcomes.set(pne, (toCpnsError(error).status as Status | undefined) ?? Status.AuthFailed);
    return [];
  } finally {
    limit.done();
    endRun(context, pnId, pnes);
  }
}

async function tellAll(
  context: GatewayContext,
  pnId: PnId,
  coming: readonly Applicant[],
  registered: readonly Registered[],
  outcomes: Map<EntityId, Status>,
): Promise<void> {
  const told = coming.map(async ({ id }) => {
    const entry = registered.find(({ pne }) => pne === id) ?? { pne: id, status: outcomes.get(id) ?? Status.AuthFailed };
    const status = await tellOne(context, pnId, id, entry);
    if (entry.status === Status.Success) outcomes.set(id, status);
  });
  await Promise.all(told);
}

/** PN Establishment Notify. A newcomer that is gone comes back by itself: it is in the PN at the server. */
async function tellOne(context: GatewayContext, pnId: PnId, id: EntityId, registered: Registered): Promise<Status> {
  const link = context.linkTo(id);
  return link === undefined ? registered.status : await notify(context, pnId, { id, link, registered });
}

/** A member invites another device (seed 003 figure 13). @throws CpnsError Auth/WrongPn, State/UnknownPn, and as {@link invite} */
export async function inviteForMember(context: GatewayContext, link: PeerLink, envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
  // 1. PNE Invite Request
  const { pnId: octets, inviter, invited } = bodyOf(envelope, pneInviteRequest);
  const pnId = pnIdText(octets);
  requireHop(context, hop, pnId);
  if (inviter !== link.peer)
    throw new CpnsError('Auth', 'WrongPne', `${link.peer} invites in the name of ${inviter}.`, { status: Status.BadMessage });
  requireEstablished(context, pnId, inviter);
  const { outcomes, tell } = await invite(context, pnId, { inviter, own: false, pnes: [invited] }, link.signal);

  // 6. PNE Invite Response; 7. and 8. what the others and the newcomer are told follows
  context.clock.after(0, () => context.background('telling a newcomer', tell));
  return reply(pneInviteResponse, { status: outcomes.get(invited) ?? Status.AuthFailed, pnId: octets });
}

/**
 * Invites the PNEs of a PN Setup that had no room in its PN Registration, some at a time so that the server's limits hold; who asked for
 * the PN has been told that they are Pending. Never rejects.
 */
export async function inviteRest(
  context: GatewayContext,
  pnId: PnId,
  inviter: EntityId,
  outcomes: ReadonlyMap<EntityId, Status>,
): Promise<void> {
  const rest = [...outcomes].filter(([, status]) => status === Status.Pending).map(([pne]) => pne);
  for (let from = 0; from < rest.length; from += BATCH) {
    await sleep(context.clock, BATCH_PAUSE_MS);
    const pnes = rest.slice(from, from + BATCH);
    // Never aborted: each PNE has its own time to answer.
    const invited = await invite(context, pnId, { inviter, own: true, pnes }, new AbortController().signal).catch((error) => {
      context.logger.warn('the rest of a PN Setup could not be invited', { pn: pnId, pnes, why: describeError(error) });
    });
    await invited?.tell();
  }
}
