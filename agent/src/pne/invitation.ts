import { acknowledged, CpnsError, describeError, type EntityId, type PnId, type Reply, reply } from '@cpns/shared';
import {
  bodyOf,
  type Envelope,
  type Hello,
  pnEstablishmentNotify,
  pneInviteRequest,
  pneInviteResponse,
  pnSetupConsent,
  pnSetupInvitation,
  RequestFlow,
  Status,
} from '@cpns/shared/messages';
import { pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import { acceptConfirmation } from './accept.js';
import { requireRoom } from './enter.js';
import type { PneContext } from './pne-context.js';
import { abandonRun, beginRun } from './run.js';

/**
 * The invited PNE (seed 003 figure 10, steps 2 and 3): a person or a rule decides; with a yes goes the hello of this device's own run.
 */
export async function answerInvitation(context: PneContext, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  // 2. PN Setup Request: initiator and PN ID
  const { initiator, pnId: octets } = bodyOf(envelope, pnSetupInvitation);
  const pnId = pnIdText(octets);
  const hello = await agree(context, link, pnId, initiator, RequestFlow.Consent);

  // 3. PN Setup Response: confirms participation
  if (hello === undefined) return reply(pnSetupConsent, { pnId: octets, status: Status.Rejected });
  return reply(pnSetupConsent, { pnId: octets, status: Status.Success, hello });
}

/** This device is invited into a PN that stands (seed 003 figures 12 and 13): as {@link answerInvitation}. */
export async function answerInvite(context: PneContext, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  // PNE Request (Invite); figure 13: PNE Invite Request
  const { inviter, pnId: octets } = bodyOf(envelope, pneInviteRequest);
  const hello = await agree(context, link, pnIdText(octets), inviter, RequestFlow.Invite);

  // PNE Invite Response
  if (hello === undefined) return reply(pneInviteResponse, { pnId: octets, status: Status.Rejected });
  return reply(pneInviteResponse, { pnId: octets, status: Status.Success, hello });
}

/** The hello of the run that a yes begins; undefined: no. @throws CpnsError State/AlreadyMember, State/TooManyPns, State/TooManyPrompts */
async function agree(context: PneContext, link: PeerLink, pnId: PnId, initiator: EntityId, flow: RequestFlow): Promise<Hello | undefined> {
  requireRoom(context, pnId);
  const yes = await context.desk.ask({ kind: 'invitation', pnId, initiator, gateway: link.peer as EntityId }, link.signal);
  if (!yes) return undefined;
  const run = beginRun(context, link, pnId, { flow, consent: true });
  context.runs.add(pnId, run);
  return run.handshake.hello;
}

/** Step 15: PN Establishment Notify. Acknowledged once stored; a refusal tells the gateway to take this device out (e.12). */
export async function takeNotify(context: PneContext, link: PeerLink, envelope: Envelope): Promise<Reply<Hop>> {
  const { status, pnId: octets, ...confirmation } = bodyOf(envelope, pnEstablishmentNotify);
  const pnId = pnIdText(octets);
  const run = context.runs.get(pnId, link);
  if (run === undefined) {
    if (status !== Status.Success) {
      context.desk.withdraw(pnId, link.peer as EntityId);
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
