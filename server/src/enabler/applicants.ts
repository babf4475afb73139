import { CpnsError, describeError, type EntityId } from '@cpns/shared';
import { contents, decodeCapabilities, type Hello, type HelloRequest, Status, toOctets } from '@cpns/shared/messages';
import { type EuKeyRoot, ServerHandshake, type VerifiedHello } from '@cpns/shared/security';
import type { ChallengedPne } from './challenges.js';
import type { EnablerContext } from './context.js';
import { checkHello, readRequest } from './hello-check.js';
import type { Incoming } from './incoming.js';
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
  return { pne, handshake, capabilities: verified.capabilities, contents: offered };
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
