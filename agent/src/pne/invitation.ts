import { acknowledged, CpnsError, describeError, type EntityId, type Reply, reply } from '@cpns/shared';
import {
  bodyOf,
  type Envelope,
  pnEstablishmentNotify,
  pnSetupConsent,
  pnSetupInvitation,
  RequestFlow,
  Status,
} from '@cpns/shared/messages';
import type { ConsentDesk } from '../entity/consent-desk.js';
import { pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { acceptConfirmation } from './accept.js';
import type { PneContext } from './pne-context.js';
import { abandonRun, beginRun } from './run.js';

/**
 * The invited PNE (seed 003 figure 10, steps 2 and 3): a person or a rule decides; with a yes goes the hello of this device's own run.
 */
export async function answerInvitation(context: PneContext, desk: ConsentDesk, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  // 2. PN Setup Request: initiator and PN ID
  const { initiator, pnId: octets } = bodyOf(envelope, pnSetupInvitation);
  const pnId = pnIdText(octets);
  if (context.state.pn(pnId) !== undefined)
    throw new CpnsError('State', 'AlreadyMember', 'This device is in that network already.', { status: Status.AlreadyMember });
  if (context.state.pns().length >= context.settings.limits.pns)
    throw new CpnsError('State', 'TooManyPns', 'This device is in as many networks as it may be.', { status: Status.Busy });
  const yes = await desk.ask({ pnId, initiator, gateway: link.peer as EntityId }, link.signal);
  if (!yes) return reply(pnSetupConsent, { pnId: octets, status: Status.Rejected });

  // 3. PN Setup Response: confirms participation
  const run = beginRun(context, link, pnId, { flow: RequestFlow.Consent, consent: true });
  context.runs.add(pnId, run);
  return reply(pnSetupConsent, { pnId: octets, status: Status.Success, hello: run.handshake.hello });
}

/** Step 15: PN Establishment Notify. Acknowledged once stored; a refusal tells the gateway to take this device out (e.12). */
export async function takeNotify(context: PneContext, desk: ConsentDesk, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  const { status, pnId: octets, ...confirmation } = bodyOf(envelope, pnEstablishmentNotify);
  const pnId = pnIdText(octets);
  const run = context.runs.get(pnId, link);
  if (run === undefined) {
    if (status !== Status.Success) {
      desk.withdraw(pnId, link.peer as EntityId);
      return acknowledged;
    }
    throw new CpnsError('State', 'NoRun', 'A notify came for a network that this device did not agree to.', { status: Status.WrongState });
  }
  if (status !== Status.Success) {
    abandonRun(context, pnId, link);
    context.logger.notice('the personal network was not set up', { pn: pnId, status });
    return acknowledged;
  }
  try {
    await context.settling.run(pnId, () => acceptConfirmation(context, pnId, run, confirmation));
    return acknowledged;
  } catch (error) {
    abandonRun(context, pnId, link);
    context.logger.warn('the server could not be verified; nothing was kept', { pn: pnId, why: describeError(error) });
    throw error;
  }
}
