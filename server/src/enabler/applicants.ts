import { CpnsError, describeError, type EntityId } from '@cpns/shared';
import {
  authenticationRequest,
  type BodyOf,
  contents,
  decodeCapabilities,
  type Hello,
  type HelloRequest,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { EMPTY, type EuKeyRoot, fromHex, ServerHandshake, type VerifiedHello } from '@cpns/shared/security';
import type { ChallengedPne, Run } from './challenges.js';
import type { EnablerContext } from './context.js';
import { checkHello, readRequest } from './hello-check.js';
import { answer, type Incoming } from './incoming.js';
import { refuse, statusOf } from './refusals.js';

/** A PNE whose hello was verified. */
export interface Applicant {
  readonly pne: EntityId;
  readonly verified: VerifiedHello;
  readonly root: EuKeyRoot;
  readonly request: HelloRequest;
}

/**
 * Checks one hello that a PN GW forwarded: whose it is, what it asks for, and that its rand_PNE is new.
 * @throws CpnsError with the status for this PNE
 */
export function admit(
  context: EnablerContext,
  incoming: Incoming<unknown>,
  hello: Hello,
  agrees: (request: HelloRequest, pne: EntityId) => boolean,
): Applicant {
  const { identities, verified, root } = checkHello(context, incoming, hello);
  const pne = identities.idPne;
  const request = readRequest(verified);
  decodeCapabilities(verified.capabilities);
  if (!agrees(request, pne)) throw refuse(Status.AuthFailed, 'WrongFlow', `${pne} asked for something else than it is used for.`);
  if (context.inventory.reads.inbox.randSeen(verified.randPne, incoming.key)) {
    throw refuse(Status.Duplicate, 'RandSeen', `The hello of ${pne} was used before.`);
  }
  return { pne, verified, root, request };
}

/** What a request about several PNEs shares. */
export interface ChallengeOptions {
  /** 16 raw octets. */
  readonly pnId: Uint8Array;
  readonly idGw: EntityId;
  readonly randGw: Uint8Array;
  readonly randServer: Uint8Array;
}

/** Draws the challenge of one PNE, with two copies of its LocalEUKey if it asks for one. @throws CpnsError Auth */
export function challenge(context: EnablerContext, { pne, verified, root, request }: Applicant, options: ChallengeOptions): ChallengedPne {
  const { provider, entropy, identity, keys, settings } = context;
  const handshake = ServerHandshake.challenge({
    provider,
    entropy,
    rootPne: root,
    rootGw: verified.localEuKeyNeeded === 1 ? keys.activeRoot(options.idGw) : undefined,
    idServer: identity.serverId,
    idPne: pne,
    hello: verified,
    requireForwardSecrecy: settings.sessions.requireForwardSecrecy,
    ...options,
  });
  const offered = request.contents === undefined ? undefined : toOctets(contents, request.contents);
  return { pne, handshake, capabilities: verified.capabilities, contents: offered, ownerGateway: request.ownerGateway };
}

/** Challenges those whose hello passed; who cannot be challenged is put among the refused. */
export function challengeAll(
  context: EnablerContext,
  applicants: readonly Applicant[],
  refused: Map<EntityId, Status>,
  options: ChallengeOptions,
): ChallengedPne[] {
  return applicants.flatMap((applicant) => {
    const outcome = settle(context, applicant.pne, () => challenge(context, applicant, options));
    if ('value' in outcome) return [outcome.value];
    refused.set(applicant.pne, statusOf(outcome.refusal));
    return [];
  });
}

/** Opens a run and answers the request with its challenges; `claimed` are the PNEs of the request in its order. */
export async function openRun(
  context: EnablerContext,
  incoming: Incoming<unknown>,
  run: Run,
  claimed: readonly EntityId[],
  applicants: readonly Applicant[],
): Promise<void> {
  const { challenges, identity } = context;
  challenges.open(run);
  try {
    await incoming.conclude(
      () =>
        answer(authenticationRequest, {
          idServer: identity.serverId,
          randServer: run.randServer,
          pnId: fromHex(run.pnId),
          pnes: claimed.map((pne) => challengeFor(run, pne)),
        }),
      applicants.map(({ verified }) => verified.randPne),
    );
  } catch (error) {
    challenges.abort(run);
    throw error;
  }
}

function challengeFor(run: Run, pne: EntityId): BodyOf<typeof authenticationRequest>['pnes'][number] {
  const challenged = run.pnes.find((candidate) => candidate.pne === pne);
  if (challenged === undefined) {
    const refused = run.flow === 'register' ? undefined : run.refused.get(pne);
    return { pne, status: refused ?? Status.AuthFailed, eServer: EMPTY, wrapped: EMPTY, wrappedForGateway: EMPTY };
  }
  const { eServer, wrapped, wrappedForGateway } = challenged.handshake.challenge;
  return { pne, status: Status.Success, eServer, wrapped, wrappedForGateway };
}

/** The outcome of `attempt`, or why this PNE is refused; a message of it that cannot be read is as good as a forged one. */
export function settle<T>(
  context: EnablerContext,
  pne: EntityId,
  attempt: () => T,
): { readonly value: T } | { readonly refusal: CpnsError } {
  try {
    return { value: attempt() };
  } catch (error) {
    const status = statusOf(error);
    if (!(error instanceof CpnsError) || status === Status.ServerError) throw error;
    context.logger.info('a PNE was refused', { pne, why: describeError(error) });
    return { refusal: status === Status.BadMessage ? refuse(Status.AuthFailed, error.code, error.message) : error };
  }
}
