import { CpnsError, deadline, describeError, type EntityId, type PnId, refused } from '@cpns/shared';
import {
  type Hello,
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
import { LINK, type PeerLink } from '../entity/peer-link.js';
import type { SetupProgress } from '../entity/setup.js';
import type { Applicant } from './challenge.js';
import { type GatewayContext, HOP_TIMEOUT_MS } from './gateway-context.js';

/** A person has 60 s to consent (protocol 0.3); who has not answered a little later is left out. */
const CONSENT_LIMIT_MS = 65_000;
/** The hellos of one PN Registration Request have so much room in an envelope of the uplink. */
const MAX_HELLO_OCTETS = 56_000;

/** A PN that is being set up, as long as nothing of it is kept. */
export interface Forming {
  readonly pnId: PnId;
  /** The PNE that asked for it; undefined: this PN GW sets it up by itself (seed 003 figure 11). */
  readonly asker: Applicant | undefined;
  readonly setupType: SetupType;
  readonly named: readonly EntityId[];
  /** Why those who were named or invited are not in. */
  readonly outcomes: Map<EntityId, Status>;
  readonly signal: AbortSignal;
  readonly progress: SetupProgress;
  /** The server may have registered it. */
  atServer: boolean;
}

export function initiatorOf(context: GatewayContext, { asker }: Forming): EntityId {
  return asker?.id ?? context.identity.id;
}

/** 19 to 21: whom the setup type names, as far as they are here and the server lets them in; a PNE that asked comes first. */
export async function askMembership(context: GatewayContext, forming: Forming): Promise<readonly EntityId[]> {
  const { pnId, asker, setupType, outcomes, signal } = forming;
  const own = [context.identity.id, asker?.id];
  const named = forming.named.filter((id) => !own.includes(id));
  const here = context.linkedPeers().filter((id) => !isGateway(context.modeOf(id) ?? Mode.Unassigned));
  const others = { [SetupType.OneToOne]: [], [SetupType.All]: here, [SetupType.Named]: named }[setupType];
  const candidates = [...new Set([...(asker ? [asker.id] : []), ...others])].slice(0, context.settings.limits.membersPerPn);
  const request = { pnId: pnIdOctets(pnId), initiator: initiatorOf(context, forming), setupType, candidates };
  const { body } = await context.server().request(pnMembershipRequest, request, [pnMembershipResponse], { signal });
  if (body.status !== Status.Success || (asker !== undefined && !body.allowed.includes(asker.id)))
    throw refused(body.status === Status.Success ? Status.NotAuthorized : body.status, 'The personal network');
  for (const id of others) if (!body.allowed.includes(id)) outcomes.set(id, Status.NotAuthorized);
  const guests = new Set(asker && body.guests);
  const allowed: EntityId[] = [];
  for (const id of body.allowed.filter((pne) => candidates.includes(pne))) {
    // What this PN GW sets up by itself, its owner wants; where another one asks, guests need his yes (protocol 0.15).
    if (!guests.has(id) || (await admitGuest(context, forming, id))) allowed.push(id);
    else if (id === asker?.id) throw refused(Status.NotAuthorized, 'The personal network');
    else outcomes.set(id, Status.NotAuthorized);
  }
  return allowed;
}

async function admitGuest(context: GatewayContext, { pnId, signal }: Forming, pne: EntityId): Promise<boolean> {
  try {
    return await context.desk.ask({ kind: 'admit', pnId, pne, gateway: context.identity.id }, signal);
  } catch (error) {
    context.logger.notice('a guest was not let in', { pne, pn: pnId, why: describeError(error) });
    return false;
  }
}

/** 2, 3: everybody is asked at once; refusal and silence leave one out. Who is left makes the PN, a PNE that asked first. */
export async function inviteAll(context: GatewayContext, forming: Forming, invited: readonly EntityId[]): Promise<readonly Applicant[]> {
  const { asker, outcomes } = forming;
  const admitted = asker === undefined ? [] : [asker];
  const room = MAX_PNES_PER_REGISTRATION - admitted.length;
  // One request holds so many; the rest is invited as soon as the PN stands (protocol 0.16).
  for (const id of invited.slice(room)) outcomes.set(id, Status.Pending);
  const consenting = await Promise.all(invited.slice(0, room).map((id) => askConsent(context, forming, id)));
  return thatFit([...admitted, ...consenting], outcomes);
}

/** Those who agreed, as far as their hellos have room in one request. */
export function thatFit(applicants: readonly (Applicant | undefined)[], outcomes: Map<EntityId, Status>): readonly Applicant[] {
  let octets = 0;
  return applicants.filter((applicant) => {
    if (applicant === undefined) return false;
    octets += applicant.hello.request.length + applicant.hello.capabilities.length;
    if (octets > MAX_HELLO_OCTETS) outcomes.set(applicant.id, Status.BadMessage);
    return octets <= MAX_HELLO_OCTETS;
  }) as Applicant[];
}

function askConsent(context: GatewayContext, forming: Forming, pne: EntityId): Promise<Applicant | undefined> {
  const { pnId, outcomes, signal } = forming;
  const invitation = { initiator: initiatorOf(context, forming), pnId: pnIdOctets(pnId) };
  return askForHello(context, pne, outcomes, signal, async (link, options) => {
    const { body } = await link.exchange.request(pnSetupInvitation, invitation, [pnSetupConsent], LINK, options);
    return body;
  });
}

/** What a PNE that was asked into a PN says: yes, with its hello, or no. */
interface Consent {
  readonly status: Status;
  readonly hello?: Hello | undefined;
}

/**
 * Asks one PNE into a PN. Undefined: it does not come, and `outcomes` says why. @throws the reason of `signal`, when that fires
 */
export async function askForHello(
  context: GatewayContext,
  pne: EntityId,
  outcomes: Map<EntityId, Status>,
  signal: AbortSignal,
  ask: (link: PeerLink, options: { readonly timeoutMs: number; readonly signal: AbortSignal }) => Promise<Consent>,
): Promise<Applicant | undefined> {
  const link = context.linkTo(pne);
  if (link === undefined) {
    outcomes.set(pne, Status.PeerUnreachable);
    return undefined;
  }
  const limit = deadline(context.clock, CONSENT_LIMIT_MS, signal);
  try {
    const { status, hello } = await ask(link, { timeoutMs: HOP_TIMEOUT_MS, signal: limit.signal });
    if (status !== Status.Success || hello === undefined) {
      outcomes.set(pne, status === Status.Success ? Status.BadMessage : status);
      return undefined;
    }
    requireHelloOf(pne, hello);
    return { id: pne, link, hello };
  } catch (error) {
    if (signal.aborted) throw error;
    const status = error instanceof CpnsError ? (error.status as Status | undefined) : undefined;
    outcomes.set(pne, status ?? (limit.signal.aborted ? Status.Timeout : Status.PeerUnreachable));
    return undefined;
  } finally {
    limit.done();
  }
}
