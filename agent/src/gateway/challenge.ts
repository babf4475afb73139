import { CpnsError, deadline, describeError, type EntityId, type PnId } from '@cpns/shared';
import {
  type authenticationRequest,
  authenticationRequestToPne,
  authenticationResponse,
  type authenticationResponses,
  type BodyOf,
  type Hello,
  Status,
} from '@cpns/shared/messages';
import { gatewayHeader, unwrapForGateway } from '@cpns/shared/security';
import { pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { PeerLink } from '../entity/peer-link.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

type ServerAnswer = BodyOf<typeof authenticationRequest>;
/** A PNE's part of the server's Authentication Request. */
type PneChallenge = ServerAnswer['pnes'][number];

/** One PNE in a run: its link and the hello it sent. */
export interface Applicant {
  readonly id: EntityId;
  readonly link: PeerLink;
  readonly hello: Hello;
}

/** One PNE proves itself within this time; the server waits for all of them for 30 s. */
const PROOF_LIMIT_MS = 20_000;

/**
 * Relays the Authentication Request to each PNE that the server challenges, all at once, and collects their Authentication Responses
 * (seed 003 6.6.1.1 steps 6 to 9). Who gives no proof in time is without one.
 */
export function proveAll(
  context: GatewayContext,
  pnId: PnId,
  answer: ServerAnswer,
  applicants: readonly Applicant[],
  randGw: Uint8Array,
  signal: AbortSignal,
): Promise<BodyOf<typeof authenticationResponses>['pnes'][number][]> {
  const proofs = applicants.map(async (applicant) => {
    const challenge = answer.pnes.find(({ pne, status }) => pne === applicant.id && status === Status.Success);
    if (challenge === undefined) return [];
    const limit = deadline(context.clock, PROOF_LIMIT_MS, signal);
    const hashPne = await proveToServer(context, pnId, answer, challenge, applicant, randGw, limit.signal).finally(limit.done);
    return [{ pne: applicant.id, ...(hashPne && { hashPne }) }];
  });
  return Promise.all(proofs).then((all) => all.flat());
}

/**
 * Relays the challenge to one PNE and fetches its proof (seed 003 6.6.1.1 steps 6 and 8): the gateway's copy of the LocalEUKey is
 * unwrapped first, so that the PAN handshake can run when the PNE has its own. Undefined: no proof; the log says why.
 */
async function proveToServer(
  context: GatewayContext,
  pnId: PnId,
  answer: ServerAnswer,
  challenge: PneChallenge,
  applicant: Applicant,
  randGw: Uint8Array,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { id, link, hello } = applicant;
  const { provider, identity, logger, keys, settings } = context;
  try {
    const view = { provider, idServer: identity.idServer, idPne: id, idGw: identity.id, pnId: pnIdOctets(pnId), hello };
    const header = gatewayHeader({ ...view, challenge: { randServer: answer.randServer, eServer: challenge.eServer } });
    if (hello.localEuKeyNeeded === 1) {
      keys.offer(pnId, id, {
        key: unwrapForGateway({ provider, root: identity.root, header, randGw, wrapped: challenge.wrappedForGateway }),
        header,
      });
    } else if (!settings.allowUnprotectedPan && !link.hasPan(pnId)) {
      throw new CpnsError(
        'Auth',
        'UnprotectedHop',
        `${id} asked for no LocalEUKey on a link that is not secure: allow it with allowUnprotectedPan or update that device.`,
      );
    }
    const proof = await link.exchange.request(
      authenticationRequestToPne,
      {
        challenge: {
          version: hello.version,
          suite: hello.suite,
          idServer: answer.idServer,
          idGw: identity.id,
          pnId: pnIdOctets(pnId),
          randServer: answer.randServer,
          eServer: challenge.eServer,
          wrapped: challenge.wrapped,
        },
      },
      [authenticationResponse],
      link.hopOf(pnId),
      { timeoutMs: HOP_TIMEOUT_MS, signal },
    );
    const { via, body } = proof;
    const inPan = via.kind === 'pan' && via.pnId === pnId;
    if (!inPan && (hello.localEuKeyNeeded === 1 || !settings.allowUnprotectedPan))
      throw new CpnsError('Auth', 'UnprotectedHop', `${id} answered outside the protected session.`);
    if (pnIdText(body.pnId) !== pnId) throw new CpnsError('Auth', 'WrongPn', `${id} answered for another personal network.`);
    return body.hashPne;
  } catch (error) {
    keys.discard(pnId, id);
    if (!signal.aborted) logger.info('a PNE did not prove itself', { pne: id, pn: pnId, why: describeError(error) });
    return undefined;
  }
}

/** Statuses of PNEs that the server sorted out before any challenge. */
export function refusedByServer(answer: ServerAnswer): Map<EntityId, Status> {
  return new Map(answer.pnes.filter((entry) => entry.status !== Status.Success).map((entry) => [entry.pne, entry.status]));
}
