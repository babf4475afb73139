import { CpnsError, deadline, describeError, type EntityId, type PnId, type Reply, refused, reply, toCpnsError } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  type Envelope,
  fromOctets,
  helloRequest,
  PnOperation,
  pneRegistrationForward,
  pneRegistrationRequest,
  pneRegistrationResponse,
  pnUpdateRequest,
  pnUpdateResponse,
  RemoveReason,
  RequestFlow,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { type Changes, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { endRun, isMember, requireMayCome, requireOpenPn, takeAdmission } from './admission.js';
import { askServer } from './ask-server.js';
import { type Applicant, proveAll, refusedByServer } from './challenge.js';
import type { GatewayContext } from './gateway-context.js';
import { removeFromPn } from './membership.js';

/** The whole of a PN Registration (protocol 0.3). */
const REGISTRATION_LIMIT_MS = 90_000;
/** A member that the server does not accept so often in a row is taken out of the PN (protocol 0.25). */
const MAX_REFUSALS = 3;

type Outcome = BodyOf<typeof pneRegistrationResponse>;

/**
 * PNE Registration. PN member case (seed 001 figure 4): a member that came back gets a new session with the server and, where it asks
 * for one, a new LocalEUKey; the server decides, this side only carries. Non PN member case (figure 5): this side has the newcomer added
 * before it registers.
 */
export class Registrations {
  readonly #context: GatewayContext;
  /** Refusals in a row, by PN and member. */
  readonly #refusals = new Map<string, number>();

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  async register(link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
    // 1. PNE Registration Request
    const { pnId: octets, hello } = bodyOf(envelope, pneRegistrationRequest);
    const pnId = pnIdText(octets);
    const pne = link.peer as EntityId;
    requireHelloOf(pne, hello);
    const { flow } = fromOctets(helloRequest, hello.request, 'PNE Registration Request');
    const { removals } = this.#context;
    const isOut = flow !== RequestFlow.RegisterNewcomer && removals.has(pnId, pne) && !removals.wasRefused(pnId, pne);
    if (isOut || removals.of(pnId).has(pne))
      throw new CpnsError('State', 'RegistrationBusy', `${pne} is being removed.`, { status: Status.Busy });
    const applicant = { id: pne, link, hello };
    return await this.#context.underWay.run(pnId, pne, async () => {
      try {
        const isNewcomer = flow === RequestFlow.RegisterNewcomer;
        const outcome = isNewcomer ? await registerNewcomer(this.#context, pnId, applicant) : await forward(this.#context, pnId, applicant);
        this.#count(pnId, pne, outcome.status);

        // 4. PN GW forwards what the server gave; figure 5: 6.
        return reply(pneRegistrationResponse, outcome, link.hopOf(pnId));
      } finally {
        endRun(this.#context, pnId, [pne]);
      }
    });
  }

  #count(pnId: PnId, pne: EntityId, status: Status): void {
    const name = `${pnId}/${pne}`;
    const member = isMember(this.#context, pnId, pne);
    const refusals = status === Status.AuthFailed && member ? (this.#refusals.get(name) ?? 0) + 1 : 0;
    if (refusals === 0 || refusals >= MAX_REFUSALS) this.#refusals.delete(name);
    else this.#refusals.set(name, refusals);
    if (refusals >= MAX_REFUSALS) void removeFromPn(this.#context, pnId, [pne], RemoveReason.Unreachable);
  }
}

/** Seed 001 figure 5. @throws CpnsError State/UnknownPn, State/PnNotOpen, Auth/NotAllowed, State/Refused, Timeout, Transport */
async function registerNewcomer(context: GatewayContext, pnId: PnId, applicant: Applicant): Promise<Outcome> {
  const { id: pne, link } = applicant;
  // 3. PN GW checks if the PNE is a member of the PN
  requireOpenPn(context, pnId);
  if (isMember(context, pnId, pne)) return await forward(context, pnId, applicant);

  // 4. PN Update Request to add it; the server has it as Pending until it is authenticated (protocol e.14)
  const { ownerAgrees } = await requireMayCome(context, pnId, pne, link.signal);
  const agrees = ownerAgrees ? { ownerAgrees } : {};
  const add = { pnId: pnIdOctets(pnId), operation: PnOperation.Add, pnes: [pne], ...agrees };
  const { body } = await context.server().request(pnUpdateRequest, add, [pnUpdateResponse], { signal: link.signal });
  if (body.status !== Status.Success) throw refused(body.status, 'The registration');

  // 5. PNE Registration Request to the server on behalf of the PNE
  try {
    const outcome = await forward(context, pnId, applicant, agrees);
    if (outcome.status !== Status.Success) await takeBack(context, pnId, pne);
    return outcome;
  } catch (error) {
    if (toCpnsError(error).code !== 'OutcomeUnknown') await takeBack(context, pnId, pne);
    throw error;
  }
}

/** A newcomer that comes to nothing is Pending at the server no longer. Never rejects: the server forgets it by itself in the end. */
async function takeBack(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<void> {
  const remove = { pnId: pnIdOctets(pnId), operation: PnOperation.Remove, pnes: [pne], reason: RemoveReason.Unreachable };
  try {
    await context.server().request(pnUpdateRequest, remove, [pnUpdateResponse]);
  } catch (error) {
    context.logger.info('a newcomer could not be taken back', { pne, pn: pnId, why: describeError(error) });
  }
}

/** Carries one registration to the server and its outcome back; what that makes of the PN here is stored before the PNE is told. */
async function forward(
  context: GatewayContext,
  pnId: PnId,
  applicant: Applicant,
  agrees: { readonly ownerAgrees?: true } = {},
): Promise<Outcome> {
  const { id: pne, hello } = applicant;
  const server = context.server();
  const randGw = context.entropy.bytes(32);
  const octets = pnIdOctets(pnId);
  const { signal, done } = deadline(context.clock, REGISTRATION_LIMIT_MS, undefined, 'The registration took too long: try again.');
  try {
    // 2, 3. forwarded unchanged: who is a member is for the server to say, inside its own record
    const forwarded = { pnId: octets, hello, randGw, ...agrees };
    const { body: challenge } = await server.request(pneRegistrationForward, forwarded, [authenticationRequest], { signal });
    const refusal = refusedByServer(challenge).get(pne);
    if (refusal !== undefined) return { status: refusal, pnId: octets };
    const pnes = await proveAll(context, pnId, challenge, [applicant], randGw, signal);
    const answers = { pnId: octets, randServer: challenge.randServer, pnes };
    const { body } = await askServer(context, authenticationResponses, answers, pneRegistrationResponse, signal);
    const { inventory, ...outcome } = body;
    if (outcome.status === Status.Success && inventory !== undefined) await takeAdmission(context, pnId, [pne], inventory);
    else if (outcome.status === Status.Success) await keepLocalEuKey(context, pnId, pne);
    return outcome;
  } catch (error) {
    // The server's refusal is an outcome; that it cannot be asked is none.
    if (error instanceof CpnsError && error.code === 'Refused' && error.status === Status.AuthFailed)
      return { status: Status.AuthFailed, pnId: octets };
    throw error;
  } finally {
    done();
  }
}

function keepLocalEuKey(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<void> {
  return context.settling.run(pnId, async () => {
    const changes: Changes = new Map();
    if (!isMember(context, pnId, pne)) return;
    if (context.keys.keep(changes, pnId, pne)) await context.state.commit(changes);
    if (context.removals.wasRefused(pnId, pne)) await context.removals.done(pnId, [pne]);
  });
}
