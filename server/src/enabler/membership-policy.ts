import type { EntityId, PnId, UserId } from '@cpns/shared';
import { type BodyOf, type pnMembershipRequest, pnMembershipResponse, SetupType, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Reads } from '../inventory/database.js';
import type { UserRecord } from '../inventory/users.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import type { Incoming } from './incoming.js';
import { refuse } from './refusals.js';

/** How a PNE comes to a PN. */
export interface WayIn {
  /** The PN GW invited it. */
  readonly invited: boolean;
  /** The PN GW's owner lets it in. */
  readonly ownerAgrees: boolean;
}

/** The PN GW invites it. */
export const INVITED: WayIn = { invited: true, ownerAgrees: false };
/** It asks by itself, and the PN GW's owner lets it in. */
export const ADMITTED: WayIn = { invited: false, ownerAgrees: true };
/** It asks by itself, and nobody is asked. */
const UNASKED: WayIn = { invited: false, ownerAgrees: false };

/** Where a PNE would come in: a PN, and the user of its PN GW. */
export interface Place {
  readonly host: UserRecord;
  readonly pnId: PnId;
}

type EntryReads = Pick<Reads, 'devices' | 'users' | 'invitations'>;

/** The device belongs to another user than the PN GW does. */
export function isGuest(reads: Pick<Reads, 'devices'>, gatewayUser: UserId, pne: EntityId): boolean {
  return reads.devices.find(pne)?.userId !== gatewayUser;
}

/** Who may come into a PN (protocol 0.15): an active device of the PN GW's user, or a guest as that user's policy has it. */
export function mayEnter(reads: EntryReads, { host, pnId }: Place, pne: EntityId, { invited, ownerAgrees }: WayIn): boolean {
  const device = reads.devices.find(pne);
  if (device?.state !== 'active') return false;
  if (device.userId === host.userId) return true;
  const { guests } = host.policy;
  if (guests === 'never') return false;
  return invited || (ownerAgrees && guests === 'ask') || reads.invitations.welcomes(host.userId, device, pnId);
}

/** @throws CpnsError Auth/NotAllowed (NotAuthorized) */
export function requireMayEnter(reads: EntryReads, place: Place, pne: EntityId, way: WayIn): void {
  if (!mayEnter(reads, place, pne, way))
    throw refuse(Status.NotAuthorized, 'NotAllowed', `${pne} may not come into a PN of ${place.host.userId}.`);
}

/** A user's devices may be charged to him in PNs of others, as far as his subscription and his policy go. */
export function mayBeCharged(owner: UserRecord | undefined): boolean {
  return owner?.subscription.chargeable === true && owner.policy.chargeElsewhere !== 'never';
}

/** Whose a PNE and its PN GW were when it was settled whether the PNE's owner agrees. */
export interface Ownership {
  readonly pne: EntityId;
  readonly owner: UserId | undefined;
  readonly gatewayUser: UserId;
}

/** What stands in the way of a PNE that proved itself, at the moment of its admission: NotAuthorized, NotChargeable, or nothing (Success). */
export function entryStatus(reads: EntryReads, place: Place, { pne, owner, gatewayUser }: Ownership, way: WayIn): Status {
  const { userId } = place.host;
  const changedHands = userId !== gatewayUser || reads.devices.find(pne)?.userId !== owner;
  if (changedHands || owner === undefined || !mayEnter(reads, place, pne, way)) return Status.NotAuthorized;
  if (owner === userId) return Status.Success;
  return mayBeCharged(reads.users.find(owner)) ? Status.Success : Status.NotChargeable;
}

/** PN membership (seed 002 figure 3, steps 19 to 21). */
export async function lookUpMembership(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnMembershipRequest>>): Promise<void> {
  const { reads } = context.inventory;
  const { body, sender } = incoming;

  // 19. PN GW to CPNS Server: PN Membership request (Connection Management)
  const { user } = requireGatewayRight(reads, sender);
  const refused = (status: Status) => incoming.answer(pnMembershipResponse, { status, allowed: [] });
  const known = reads.pns.find(toHex(body.pnId) as PnId);
  if (known !== undefined && known.gateway !== sender) return refused(Status.Duplicate);
  // Now, before anybody is asked for consent in vain.
  if (known === undefined) reads.pns.requireRoom(sender);

  // 20. CPNS Server: PN Membership list or policy lookup or creation
  const asker = known !== undefined || body.initiator === sender ? [] : [body.initiator];
  const candidates = known === undefined && body.setupType === SetupType.OneToOne ? asker : [...new Set([...asker, ...body.candidates])];
  const place: Place = { host: user, pnId: toHex(body.pnId) as PnId };
  const enters = (pne: EntityId) => mayEnter(reads, place, pne, pne === body.initiator ? ADMITTED : INVITED);
  const allowed = candidates.filter((pne) => pne !== sender && enters(pne)).slice(0, MAX_ALLOWED);
  if (asker.length > 0 && allowed[0] !== asker[0]) return refused(Status.NotAuthorized);
  // Those about whom the PN GW's owner is to be asked: an open invitation is his yes.
  const guests = allowed.filter((pne) => isGuest(reads, user.userId, pne) && !mayEnter(reads, place, pne, UNASKED));

  // 21. CPNS Server to PN GW: PN Membership list or policy transfer (Connection Management)
  return incoming.answer(pnMembershipResponse, { status: Status.Success, allowed, guests });
}

const MAX_ALLOWED = 1_000;
