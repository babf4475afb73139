import type { EntityId, PnId, UserId } from '@cpns/shared';
import { type BodyOf, type pnMembershipRequest, pnMembershipResponse, SetupType, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { Reads } from '../inventory/database.js';
import type { EnablerContext } from './context.js';
import { requireGatewayRight } from './hello-check.js';
import type { Incoming } from './incoming.js';

/** Who may be in a PN of that user: his own active devices, but for the PN GW itself (protocol 0.15). */
export function allowedBy(
  reads: Pick<Reads, 'devices'>,
  userId: UserId,
  gateway: EntityId,
  candidates: readonly EntityId[],
): readonly EntityId[] {
  return reads.devices.activeOf(userId, candidates).filter((candidate) => candidate !== gateway);
}

/** PN membership (seed 002 figure 3, steps 19 to 21). */
export async function lookUpMembership(context: EnablerContext, incoming: Incoming<BodyOf<typeof pnMembershipRequest>>): Promise<void> {
  const { reads } = context.inventory;
  const { body, sender } = incoming;

  // 19. PN GW to CPNS Server: PN Membership request (Connection Management)
  const { user } = requireGatewayRight(reads, sender);
  const refused = (status: Status) => incoming.answer(pnMembershipResponse, { status, allowed: [] });
  if (reads.pns.find(toHex(body.pnId) as PnId) !== undefined) return refused(Status.Duplicate);
  // Now, before anybody is asked for consent in vain.
  reads.pns.requireRoom(sender);

  // 20. CPNS Server: PN Membership list or policy lookup or creation
  const candidates = body.setupType === SetupType.OneToOne ? [body.initiator] : [...new Set([body.initiator, ...body.candidates])];
  const allowed = allowedBy(reads, user.userId, sender, candidates);
  if (allowed[0] !== body.initiator) return refused(Status.NotAuthorized);

  // 21. CPNS Server to PN GW: PN Membership list or policy transfer (Connection Management)
  return incoming.answer(pnMembershipResponse, { status: Status.Success, allowed: allowed.slice(0, MAX_ALLOWED) });
}

const MAX_ALLOWED = 1_000;
