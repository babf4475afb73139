import { CpnsError, deadline, type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import {
  authenticationRequest,
  authenticationResponses,
  type BodyOf,
  bodyOf,
  type Envelope,
  pneRegistrationForward,
  pneRegistrationRequest,
  pneRegistrationResponse,
  RemoveReason,
  Status,
} from '@cpns/shared/messages';
import { requireHelloOf } from '@cpns/shared/security';
import { type Changes, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { proveToServer } from './challenge.js';
import type { GatewayContext } from './gateway-context.js';
import { removeFromPn } from './membership.js';

/** The whole of a PN Registration (protocol 0.3). */
const REGISTRATION_LIMIT_MS = 90_000;
/** A member that the server does not accept so often in a row is taken out of the PN (protocol 0.25). */
const MAX_REFUSALS = 3;

type Outcome = BodyOf<typeof pneRegistrationResponse>;

/**
 * PNE Registration, PN member case (seed 001 figure 4): a member that came back gets a new session with the server and, where it asks
 * for one, a new LocalEUKey. The server decides; this side only carries.
 */
export class Registrations {
  readonly #context: GatewayContext;
  readonly #underWay = new Set<string>();
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
    const name = `${pnId}/${pne}`;
    if (this.#underWay.has(name) || this.#context.removals.has(pnId, pne))
      throw new CpnsError('State', 'RegistrationBusy', `${pne} registers already, or is being removed.`, { status: Status.Busy });
    this.#underWay.add(name);
    try {
      const outcome = await forward(this.#context, pnId, { id: pne, link, hello });
      this.#count(pnId, pne, outcome.status);

      // 4. PN GW forwards what the server gave
      return reply(pneRegistrationResponse, outcome, link.hopOf(pnId));
    } finally {
      this.#underWay.delete(name);
      // Who turned out to be no member has its answer in the session that ends with it.
      this.#context.clock.after(0, () => isMember(this.#context, pnId, pne) || link.removePan(pnId));
    }
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

async function forward(context: GatewayContext, pnId: PnId, applicant: Parameters<typeof proveToServer>[4]): Promise<Outcome> {
  const { id: pne, link, hello } = applicant;
  const server = context.server();
  const randGw = context.entropy.bytes(32);
  const octets = pnIdOctets(pnId);
  const { signal, done } = deadline(context.clock, REGISTRATION_LIMIT_MS, link.signal, 'The registration took too long: try again.');
  try {
    // 2, 3. forwarded unchanged: who is a member is for the server to say, inside its own record
    const forwarded = { pnId: octets, hello, randGw };
    const { body: challenge } = await server.request(pneRegistrationForward, forwarded, [authenticationRequest], { signal });
    const entry = challenge.pnes.find((candidate) => candidate.pne === pne);
    if (entry === undefined || entry.status !== Status.Success) return { status: entry?.status ?? Status.AuthFailed, pnId: octets };
    const hashPne = await proveToServer(context, pnId, challenge, entry, applicant, randGw, signal);
    const { body } = await server.request(
      authenticationResponses,
      { pnId: octets, randServer: challenge.randServer, pnes: [{ pne, ...(hashPne && { hashPne }) }] },
      [pneRegistrationResponse],
      { signal },
    );
    if (body.status === Status.Success) await keepLocalEuKey(context, pnId, pne);
    return body;
  } catch (error) {
    // The server's refusal is an outcome; that it cannot be asked is none.
    if (error instanceof CpnsError && error.code === 'Refused' && error.status === Status.AuthFailed)
      return { status: Status.AuthFailed, pnId: octets };
    throw error;
  } finally {
    done();
    context.keys.discard(pnId, pne);
  }
}

function isMember(context: GatewayContext, pnId: PnId, pne: EntityId): boolean {
  return context.state.pn(pnId)?.members.some((member) => member.entityId === pne && !member.gateway) ?? false;
}

function keepLocalEuKey(context: GatewayContext, pnId: PnId, pne: EntityId): Promise<void> {
  return context.settling.run(pnId, async () => {
    const changes: Changes = new Map();
    if (isMember(context, pnId, pne) && context.keys.keep(changes, pnId, pne)) await context.state.commit(changes);
  });
}
