import { type Reply, reply, userId } from '@cpns/shared';
import { type BodyOf, type pneConfirmRequest, pneConfirmResponse } from '@cpns/shared/messages';
import { pnIdText } from '../entity/device-state.js';
import type { GatewayContext } from './gateway-context.js';

/**
 * PNE Confirm at PN GW #1 (seed 004 steps 8 and 9): whether a PNE belongs to this user and may be charged to him in the personal network
 * of another one. It belongs when a person, or a rule in his place, says so; it can be charged when the subscription allows that too.
 * @throws CpnsError State/TooManyPrompts (Busy)
 */
export async function confirmPne(
  context: GatewayContext,
  body: BodyOf<typeof pneConfirmRequest>,
  signal: AbortSignal,
): Promise<Reply<never>> {
  const { pne, gateway, headerHash } = body;
  const say = (belongs: boolean, chargeable: boolean, reason: string) =>
    reply(pneConfirmResponse, { headerHash, belongs, chargeable, reason });
  const paired = context.state.pairings().has(pne);
  // A person is not asked where his word could change nothing.
  if (!context.subscription().chargeable) return say(paired, false, 'the subscription cannot be charged');
  const question = { kind: 'confirm', pnId: pnIdText(body.pnId), pne, gateway, gatewayUser: userId(body.gatewayUser), paired } as const;
  const yes = await context.desk.ask(question, signal);
  return say(yes, yes, yes ? 'confirmed' : 'not confirmed');
}
