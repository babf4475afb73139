import { CpnsError, type EntityId, type PnId, refused, toCpnsError } from '@cpns/shared';
import { type BodyOf, pneInviteRequest, pneInviteResponse, Status } from '@cpns/shared/messages';
import { pnIdOctets } from '../entity/device-state.js';
import { askGateway } from './ask-gateway.js';
import type { PneContext } from './pne-context.js';

/**
 * A member invites another device through the PN GW (seed 003 figure 13, steps 1 and 6). Resolves when that is in the PN.
 * @throws CpnsError State/UnknownPn, State/NoGateway, Auth/Refused (Rejected, NotAuthorized, AuthFailed), State/Refused;
 * Transport/OutcomeUnknown: the PN GW was lost before it answered
 */
export async function invite(context: PneContext, pnId: PnId, invited: EntityId): Promise<void> {
  const { status } = await ask(context, pnId, invited);
  if (status !== Status.Success) throw refused(status, `The invitation of ${invited}`);
}

async function ask(context: PneContext, pnId: PnId, invited: EntityId): Promise<BodyOf<typeof pneInviteResponse>> {
  const request = { pnId: pnIdOctets(pnId), inviter: context.identity.id, invited };
  try {
    return (await askGateway(context, pnId, pneInviteRequest, request, pneInviteResponse)).body;
  } catch (error) {
    const cause = toCpnsError(error);
    if (cause.family !== 'Transport' && cause.family !== 'Timeout') throw cause;
    const sentence = `The PN GW was lost before it said whether ${invited} is in the personal network: "cpns-agent pn show" tells in a while.`;
    throw new CpnsError('Transport', 'OutcomeUnknown', sentence, { cause });
  }
}
