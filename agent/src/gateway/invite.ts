import { CpnsError, deadline, type EntityId, type PnId, refused } from '@cpns/shared';
import {
  type HelloRequest,
  isGateway,
  MAX_PNES_PER_REGISTRATION,
  Mode,
  pnMembershipRequest,
  pnMembershipResponse,
  pnSetupConsent,
  pnSetupInvitation,
  SetupType,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { pnIdOctets } from '../entity/device-state.js';
import { LINK } from '../entity/peer-link.js';
import type { Applicant } from './challenge.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

/** A person has 60 s to consent (protocol 0.3); who has not answered a little later is left out. */
const CONSENT_LIMIT_MS = 65_000;
/** The hellos of one PN Registration Request have so much room in an envelope of the uplink. */
const MAX_HELLO_OCTETS = 56_000;

/** A PN that is being set up, as long as nothing of it is kept. */
export interface Forming {
  readonly pnId: PnId;
  readonly initiator: Applicant;
  readonly asked: HelloRequest;
  /** Why those who were named or invited are not in. */
  readonly outcomes: Map<EntityId, Status>;
  readonly signal: AbortSignal;
  /** The server may have registered it. */
  atServer: boolean;
}

/** 19 to 21: whom the setup type names, as far as they are here and the server lets them in; the initiator first. */
export async function askMembership(context: GatewayContext, forming: Forming): Promise<readonly EntityId[]> {
  const { pnId, initiator, asked, outcomes, signal } = forming;
  const setupType = asked.setupType as SetupType;
  const named = (asked.named ?? []).filter((id) => id !== context.identity.id && id !== initiator.id);
  const here = context.linkedPeers().filter((id) => !isGateway(context.modeOf(id) ?? Mode.Unassigned));
  const others = { [SetupType.OneToOne]: [], [SetupType.All]: here, [SetupType.Named]: named }[setupType];
  const candidates = [...new Set([initiator.id, ...others])].slice(0, context.settings.limits.membersPerPn);
  const { body } = await context
    .server()
    .request(pnMembershipRequest, { pnId: pnIdOctets(pnId), initiator: initiator.id, setupType, candidates }, [pnMembershipResponse], {
      signal,
    });
  if (body.status !== Status.Success || !body.allowed.includes(initiator.id))
    throw refused(body.status === Status.Success ? Status.NotAuthorized : body.status, 'The personal network');
  for (const id of others) if (!body.allowed.includes(id)) outcomes.set(id, Status.NotAuthorized);
  return body.allowed.filter((id) => candidates.includes(id));
}

/** 2, 3: everybody is asked at once; refusal and silence leave one out. Who is left makes the PN, the initiator first. */
export async function inviteAll(context: GatewayContext, forming: Forming, allowed: readonly EntityId[]): Promise<readonly Applicant[]> {
  const { initiator, outcomes } = forming;
  const invited = allowed.filter((id) => id !== initiator.id);
  for (const id of invited.splice(MAX_PNES_PER_REGISTRATION - 1)) outcomes.set(id, Status.Busy);
  const consenting = await Promise.all(invited.map((id) => askConsent(context, forming, id)));
  const admitted = [initiator];
  let octets = initiator.hello.request.length + initiator.hello.capabilities.length;
  for (const applicant of consenting) {
    if (applicant === undefined) continue;
    octets += applicant.hello.request.length + applicant.hello.capabilities.length;
    if (octets <= MAX_HELLO_OCTETS) admitted.push(applicant);
    else outcomes.set(applicant.id, Status.BadMessage);
  }
  return admitted;
}

async function askConsent(context: GatewayContext, forming: Forming, pne: EntityId): Promise<Applicant | undefined> {
  const { pnId, initiator, outcomes, signal } = forming;
  const link = context.linkTo(pne);
  if (link === undefined) {
    outcomes.set(pne, Status.PeerUnreachable);
    return undefined;
  }
  const limit = deadline(context.clock, CONSENT_LIMIT_MS, signal);
  try {
    const invitation = { initiator: initiator.id, pnId: pnIdOctets(pnId) };
    const options = { timeoutMs: HOP_TIMEOUT_MS, signal: limit.signal };
    const { body } = await link.exchange.request(pnSetupInvitation, invitation, [pnSetupConsent], LINK, options);
    if (body.status !== Status.Success || body.hello === undefined) {
      outcomes.set(pne, body.status === Status.Success ? Status.BadMessage : body.status);
      return undefined;
    }
    requireHelloOf(pne, body.hello);
    return { id: pne, link, hello: body.hello };
  } catch (error) {
    if (signal.aborted) throw error;
    const status = error instanceof CpnsError ? (error.status as Status | undefined) : undefined;
    outcomes.set(pne, status ?? (limit.signal.aborted ? Status.Timeout : Status.PeerUnreachable));
    return undefined;
  } finally {
    limit.done();
  }
}
