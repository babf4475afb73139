import type { EntityId, UserId } from '@cpns/shared';
import { type BodyOf, bodyOf, pneConfirmRequest, pneConfirmResponse, refusal, Status } from '@cpns/shared/messages';
import { fromHex, toHex } from '@cpns/shared/security';
import type { Reads } from '../inventory/database.js';
import type { Run } from './challenges.js';
import { PN_SERVICE } from './charging.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import type { Incoming } from './incoming.js';
import { isGuest, mayBeCharged, type Ownership } from './membership-policy.js';
import type { ProvenPne } from './proof.js';
import { statusOf } from './refusals.js';
import type { Session } from './session.js';

/** The owner of a PNE has so long (protocol 0.3): a person's minute, and the ways there and back. */
const CONFIRM_LIMIT_MS = 75_000;

/** A PNE that proved itself and that its owner leaves to this PN GW. */
export interface ConfirmedPne extends ProvenPne, Ownership {}

type Place = Pick<Run, 'gateway' | 'pnId'>;

/**
 * PNE Confirm (seed 004 steps 8 to 10): of the PNEs that proved themselves, those that their owners leave to this PN GW. A PNE of the PN
 * GW's own user needs nobody's word; for one of another user PN GW #1 of that user is asked, which this server takes from its own records
 * (protocol 0.18). The others have their status in `statuses` afterwards. Meanwhile the PN GW is told `pending`.
 */
export async function confirmedByOwners(
  context: EnablerContext,
  incoming: Incoming<unknown>,
  run: Place,
  passed: readonly ProvenPne[],
  statuses: Map<EntityId, Status>,
): Promise<readonly ConfirmedPne[]> {
  const { reads } = context.inventory;
  const { user } = requireGatewayRight(reads, run.gateway);
  const guests = passed.filter(({ pne }) => isGuest(reads, user.userId, pne));
  const owners = new Map(passed.map(({ pne }) => [pne, reads.devices.find(pne)?.userId]));
  const waiting: { readonly pne: EntityId; readonly word: Promise<Status> }[] = [];
  for (const guest of guests) {
    const confirmer = confirmerOf(context, run, guest);
    if (typeof confirmer === 'number') statuses.set(guest.pne, confirmer);
    else waiting.push({ pne: guest.pne, word: ask(context, incoming, run, user.userId, guest, confirmer) });
  }
  if (waiting.length > 0) {
    const words = await incoming.pendingWhile(Promise.all(waiting.map(({ word }) => word)));
    for (const [i, { pne }] of waiting.entries()) statuses.set(pne, words[i] as Status);
  }
  const confirmed = passed.filter((proven) => !guests.includes(proven) || statuses.get(proven.pne) === Status.Success);
  return confirmed.map((proven) => ({ ...proven, owner: owners.get(proven.pne), gatewayUser: user.userId }));
}

/** Who speaks for the owner of a guest. */
interface Confirmer {
  readonly owner: UserId;
  /** The own session of PN GW #1. */
  readonly session: Session;
}

/** Whom to ask, or why nobody is asked: NotChargeable, PeerUnreachable, Busy. */
function confirmerOf(context: EnablerContext, { gateway, pnId }: Place, { pne, ownerGateway }: ProvenPne): Confirmer | Status {
  const { inventory, limits, logger } = context;
  const owner = inventory.reads.devices.find(pne)?.userId;
  if (owner !== undefined && inventory.reads.users.find(owner)?.policy.chargeElsewhere === 'never') return Status.NotChargeable;
  const session = owner && gatewayOfOwner(context, owner, pne);
  if (ownerGateway !== undefined && ownerGateway !== session?.entityId) {
    const fields = { pne, owner, gateway, pn: pnId, named: ownerGateway, asked: session?.entityId };
    logger.notice('a PNE names another PN GW of its owner than the one that is asked', fields);
  }
  if (owner === undefined || session === undefined) return Status.PeerUnreachable;
  try {
    limits.confirm(owner);
  } catch (error) {
    return statusOf(error);
  }
  return { owner, session };
}

/** Success, ConfirmFailed, NotChargeable, Timeout, PeerUnreachable or Busy. */
async function ask(
  { inventory, logger, questions }: EnablerContext,
  incoming: Incoming<unknown>,
  { gateway, pnId }: Place,
  gatewayUser: UserId,
  { pne, handshake: { headerHash } }: ProvenPne,
  { owner, session }: Confirmer,
): Promise<Status> {
  // 8. PNE Confirm Request to the PN GW #1 of CPNS User A; 9. PNE Confirm Response
  const request = { pne, pnId: fromHex(pnId), gateway, gatewayUser, services: [PN_SERVICE], headerHash };
  const replied = await questions.ask(session, pneConfirmRequest, request, CONFIRM_LIMIT_MS, () => incoming.isWanted);
  if (replied.kind !== 'answered') return replied.kind === 'silent' ? Status.Timeout : Status.PeerUnreachable;
  const fields = { pne, owner, gateway, pn: pnId, by: session.entityId };
  const { envelope } = replied;
  if (envelope.number === refusal.number) {
    const { status } = bodyOf(envelope, refusal);
    logger.notice('a PNE Confirm Request was refused', { ...fields, status });
    return status === Status.Busy ? status : Status.ConfirmFailed;
  }
  const word = bodyOf(envelope, pneConfirmResponse);
  logger.info('a PNE Confirm Request was answered', { ...fields, belongs: word.belongs, chargeable: word.chargeable, why: word.reason });
  return verdict(inventory.reads, owner, headerHash, word);
}

/** What the word of PN GW #1 comes to: it counts for this run alone, and nobody is charged whose subscription does not allow it. */
function verdict(
  reads: Pick<Reads, 'users'>,
  owner: UserId,
  headerHash: Uint8Array,
  { headerHash: repeated, belongs, chargeable }: BodyOf<typeof pneConfirmResponse>,
): Status {
  if (!mayBeCharged(reads.users.find(owner))) return Status.NotChargeable;
  if (!belongs || toHex(repeated) !== toHex(headerHash)) return Status.ConfirmFailed;
  return chargeable ? Status.Success : Status.NotChargeable;
}

/**
 * The session with PN GW #1 of a user: of his devices that are connected as PN GW, one that has that PNE in a PN of its own before the
 * others, then the lowest entity id. A device does not confirm itself.
 */
function gatewayOfOwner({ inventory, sessions, downlink }: EnablerContext, owner: UserId, pne: EntityId): Session | undefined {
  const { devices, pns } = inventory.reads;
  const serving = new Set(pns.ofMember(pne).map(({ gateway }) => gateway));
  const connected = devices.list(owner).flatMap(({ entityId, state }) => {
    const session = state === 'active' && entityId !== pne ? sessions.current(entityId, '') : undefined;
    return session !== undefined && downlink.reaches(session) ? [session] : [];
  });
  return connected.find(({ entityId }) => serving.has(entityId)) ?? connected[0];
}
