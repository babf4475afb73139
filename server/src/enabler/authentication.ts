import type { PnId } from '@cpns/shared';
import { type authenticationResponses, type BodyOf, Status } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import type { EnablerContext } from './context.js';
import { completeEntry } from './entry.js';
import { completePn } from './establish.js';
import type { Incoming } from './incoming.js';
import { refuse } from './refusals.js';
import { completeRegistration } from './register.js';

/** 10. The PN GW relays the Authentication responses to the CPNS Server: of an establishment, of one PNE that registers, or of those who come into a PN. */
export async function authenticate(context: EnablerContext, incoming: Incoming<BodyOf<typeof authenticationResponses>>): Promise<void> {
  const { body, sender } = incoming;
  const run = context.challenges.take(sender, toHex(body.pnId) as PnId, body.randServer);
  if (run === undefined) throw refuse(Status.WrongState, 'NoChallenge', `${sender} answers a challenge that is not open.`);
  switch (run.flow) {
    case 'establish':
      return completePn(context, incoming, run);
    case 'register':
      return completeRegistration(context, incoming, run);
    default:
      return completeEntry(context, incoming, run);
  }
}
