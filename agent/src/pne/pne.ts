import { acknowledged, CpnsError, describeError, type EntityId, type PnId, type Reply, reply, retrySchedule, sleep } from '@cpns/shared';
import {
  authenticationRequestToPne,
  type BodyOf,
  bodyOf,
  capabilitiesQueryRequest,
  capabilitiesQueryResponse,
  type Envelope,
  groupKeyDelivery,
  pnData,
  pnEstablishmentNotify,
  pneInviteRequest,
  pneNotificationExpel,
  pnMembershipWithKey,
  pnMembershipWithKeyConfirmation,
  pnReleaseNotification,
  pnSetupAck,
  pnSetupInvitation,
  pnUpdateNotification,
  relay,
  Status,
  type Subscription,
  sessionUnknown,
  sgData,
  unknownPn,
} from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import { type Changes, DeviceState, type PnRecord, pnIdOctets, pnIdText } from '../entity/device-state.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { Established, Setup, SetupProgress } from '../entity/setup.js';
import { forgetPn } from './accept.js';
import { answerChallenge } from './challenge.js';
import { establish } from './establish.js';
import { answerInvitation, answerInvite, takeNotify } from './invitation.js';
import { invite } from './invite.js';
import { join } from './join.js';
import { leave } from './leave.js';
import { updateOffer } from './offer.js';
import type { PneContext } from './pne-context.js';
import { pnsOf, recover, registerUntilDone } from './recover.js';
import { register, registerNewcomer } from './register.js';
import { release } from './release.js';
import { abandonRun, Runs } from './run.js';
import { type ServerMessagesHandler, serveServer } from './server-messages.js';
import { ServerSessions } from './server-sessions.js';
import { SetupAcks } from './setup-acks.js';
import { Upkeep } from './upkeep.js';

/** The key before a new one is received for so long at most, whatever a gateway says (security 6.5). */
const MAX_GRACE_MS = 60_000;

/** What the PNE role hands on to the device around it. */
export interface PneHandler extends Pick<ServerMessagesHandler, 'serverData' | 'serverTime' | 'groups'> {
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void;
  /** The key of a PN changed; the one before is received for `graceMs` more. */
  pnKey(pnId: PnId, graceMs: number): void;
  /** What the server says of the subscription of this device's user. */
  subscribed(subscription: Subscription): void;
  /** A session with the server or with the PN GW is there: what waits can be sent. */
  reachable(pnId: PnId): void;
}

/** The PNE role of a device: its part in the PNs of other devices' gateways. */
export class Pne {
  readonly #context: PneContext;
  readonly #handler: PneHandler;
  readonly #upkeep: Upkeep;
  readonly #registering = new Map<PnId, { readonly link: PeerLink; readonly done: Promise<void> }>();
  readonly #recovering = new Set<PeerLink>();
  #settingUp = false;

  constructor(device: DeviceContext, handler: PneHandler) {
    const messages: ServerMessagesHandler = { ...handler, keyMissed: (pnId) => this.keyMissed(pnId) };
    const context: PneContext = {
      ...device,
      sessions: new ServerSessions(device, (pnId, channel, envelope) => serveServer(context, messages, pnId, channel, envelope)),
      runs: new Runs(device.clock, (pnId, { link }) => abandonRun(context, pnId, link)),
      acks: new SetupAcks(),
      register: (link, pnId) => this.#register(link, pnId),
      subscribed: (subscription) => handler.subscribed(subscription),
      reachable: (pnId) => {
        handler.reachable(pnId);
        void updateOffer(context, pnId);
      },
    };
    this.#context = context;
    this.#handler = handler;
    this.#upkeep = new Upkeep(context);
  }

  stop(): void {
    this.#context.sessions.endAll();
  }

  /** @throws CpnsError State/SetupBusy, Auth, State/Refused, Timeout, Transport */
  async establish(link: PeerLink, setup: Setup, progress: SetupProgress, signal: AbortSignal): Promise<Established> {
    if (this.#settingUp)
      throw new CpnsError('State', 'SetupBusy', 'A personal network is being set up already: wait until that has ended.', {
        retryable: true,
      });
    this.#settingUp = true;
    try {
      return await establish(this.#context, link, setup, progress, signal);
    } finally {
      this.#settingUp = false;
    }
  }

  /** @throws as {@link join} */
  join(link: PeerLink, pnId: PnId, signal: AbortSignal): Promise<PnRecord> {
    return join(this.#context, link, pnId, signal);
  }

  /** Registers at the PN GW: as a member anew, or as a newcomer. @throws as {@link registerNewcomer} */
  async register(link: PeerLink, pnId: PnId, signal: AbortSignal): Promise<PnRecord> {
    const { state } = this.#context;
    if (state.pn(pnId) === undefined) return await registerNewcomer(this.#context, link, pnId, signal);
    return await register(this.#context, link, pnId);
  }

  /** @throws as {@link invite} */
  invite(pnId: PnId, invited: EntityId): Promise<void> {
    return invite(this.#context, pnId, invited);
  }

  /** A gateway is linked: everything that is shared with it is brought up to date. Tried until it is done or the link is gone. */
  async gatewayLinked(link: PeerLink): Promise<void> {
    const { clock, entropy, logger } = this.#context;
    if (this.#recovering.has(link)) return;
    this.#recovering.add(link);
    try {
      for (const delayMs of retrySchedule(entropy, { firstMs: 2_000, maxMs: 30_000 })) {
        try {
          return await recover(this.#context, link);
        } catch (error) {
          if (link.signal.aborted) return;
          logger.warn('recovery with the PN GW failed', { gateway: link.peer, why: describeError(error) });
        }
        await sleep(clock, delayMs, link.signal).catch(() => undefined);
        if (link.signal.aborted) return;
      }
    } finally {
      this.#recovering.delete(link);
    }
  }

  /** What this device offers is something else now. */
  contentsChanged(): void {
    for (const { pnId } of this.#context.state.pns()) void updateOffer(this.#context, pnIdText(pnId));
  }

  /** @throws CpnsError as {@link leave} */
  leave(pnId: PnId): Promise<void> {
    return leave(this.#context, pnId);
  }
  /** @throws CpnsError as {@link release} */
  release(pnId: PnId): Promise<void> {
    return release(this.#context, pnId);
  }

  linkClosed(link: PeerLink): void {
    for (const pnId of this.#context.runs.on(link)) abandonRun(this.#context, pnId, link);
  }

  /** The link before this one to the same gateway has ended: what has not moved yet does now. */
  goOn(link: PeerLink): void {
    const left = pnsOf(this.#context, link.peer as EntityId).some(({ pnId }) => !link.hasPan(pnIdText(pnId)));
    if (left) void this.gatewayLinked(link);
  }

  /** The gateway is none of this device's any more: its PNs are over here (their PN GW takes this device out, protocol 0.15). */
  async leaveGateway(gateway: EntityId): Promise<void> {
    for (const { pnId } of pnsOf(this.#context, gateway)) {
      await this.#context.settling.run(pnIdText(pnId), () => forgetPn(this.#context, pnIdText(pnId)));
    }
  }

  /** The session with the server for a PN, when it can be used now. */
  session(pnId: PnId): ServerChannel | undefined {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    return link?.hasPan(pnId) || (link && this.#context.settings.allowUnprotectedPan) ? this.#context.sessions.get(pnId) : undefined;
  }

  /** Sends data to another entity of a PN by way of its gateway. False: the gateway is not linked now. */
  send(pnId: PnId, to: EntityId, message: Uint8Array): boolean {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    if (!link?.hasPan(pnId)) return false;
    link.exchange.notify(pnData, { pnId: pnIdOctets(pnId), from: this.#context.identity.id, to, message }, { kind: 'pan', pnId });
    return true;
  }

  /** Sends a sealed message to a service group by way of the gateway of that PN. False: it is not linked now. */
  sendToGroup(pnId: PnId, body: BodyOf<typeof sgData>): boolean {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    if (!link?.hasPan(pnId)) return false;
    link.exchange.notify(sgData, body, { kind: 'pan', pnId });
    return true;
  }

  /** There is a PN key that this device does not have: the gateway hands it out when it is asked to compare. */
  keyMissed(pnId: PnId): void {
    const record = this.#context.state.pn(pnId);
    const link = record && this.#context.linkTo(record.gateway);
    if (link !== undefined) void this.gatewayLinked(link);
  }

  /** A request or notify of a linked PN GW. False: not for this role. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): boolean {
    const context = this.#context;
    switch (envelope.number) {
      case pnSetupAck.number:
        context.acks.arrived(link, envelope);
        return true;
      case pnSetupInvitation.number:
        this.#serve(link, envelope, hop, () => answerInvitation(context, link, envelope));
        return true;
      case pneInviteRequest.number:
        // A PN GW is asked to invite somebody by the same message.
        if (bodyOf(envelope, pneInviteRequest).invited !== context.identity.id) return false;
        this.#serve(link, envelope, hop, () => answerInvite(context, link, envelope));
        return true;
      case authenticationRequestToPne.number:
        this.#serve(link, envelope, hop, () => answerChallenge(context, link, envelope));
        return true;
      case pnEstablishmentNotify.number:
        this.#serve(link, envelope, hop, () => takeNotify(context, link, envelope));
        return true;
      case pnMembershipWithKey.number:
        this.#serve(link, envelope, hop, () => this.#takeKey(link, envelope, hop));
        return true;
      case pnUpdateNotification.number:
        this.#serve(link, envelope, hop, async () => {
          const { pnId, record } = bodyOf(envelope, pnUpdateNotification);
          this.#carried(link, hop, pnIdText(pnId), record);
          return acknowledged;
        });
        return true;
      case relay.number: {
        const { pnId, record } = bodyOf(envelope, relay);
        return this.#carried(link, hop, pnIdText(pnId), record);
      }
      case sessionUnknown.number:
        this.#upkeep.sessionUnknown(link, bodyOf(envelope, sessionUnknown).sid);
        return true;
      case pnData.number: {
        const body = bodyOf(envelope, pnData);
        const pnId = pnIdText(body.pnId);
        const own = context.state.pn(pnId)?.gateway === link.peer;
        if (own && isPanOf(hop, pnId) && body.to === context.identity.id) this.#handler.pnData(pnId, body);
        return own;
      }
      case groupKeyDelivery.number:
        if (this.#isOfGateway(link, hop)) this.#handler.groups.rekey(hop.pnId, bodyOf(envelope, groupKeyDelivery));
        return true;
      case sgData.number:
        if (!this.#isOfGateway(link, hop)) return false;
        this.#handler.groups.data(hop.pnId, bodyOf(envelope, sgData));
        return true;
      case capabilitiesQueryRequest.number:
        this.#serve(link, envelope, hop, async () =>
          reply(capabilitiesQueryResponse, { status: Status.Success, capabilities: context.capabilities() }),
        );
        return true;
      case unknownPn.number:
        this.#serve(link, envelope, hop, () => this.#gatewayEndsPn(link, hop, bodyOf(envelope, unknownPn)));
        return true;
      case pneNotificationExpel.number:
        this.#serve(link, envelope, hop, () => this.#gatewayEndsPn(link, hop, bodyOf(envelope, pneNotificationExpel)));
        return true;
      case pnReleaseNotification.number:
        this.#serve(link, envelope, hop, () => this.#gatewayEndsPn(link, hop, bodyOf(envelope, pnReleaseNotification)));
        return true;
      default:
        return false;
    }
  }

  /** It came in the PAN session of a PN, from the PN GW of that PN. */
  #isOfGateway(link: PeerLink, hop: Hop): hop is Hop & { readonly kind: 'pan' } {
    return hop.kind === 'pan' && this.#context.state.pn(hop.pnId)?.gateway === link.peer;
  }

  /** A record of the server. False: the PN is not one of that gateway's. */
  #carried(link: PeerLink, hop: Hop, pnId: PnId, record: Uint8Array): boolean {
    if (this.#context.state.pn(pnId)?.gateway !== link.peer) return false;
    if (hop.kind === 'link' || isPanOf(hop, pnId)) this.#context.sessions.receive(pnId, record);
    return true;
  }

  /** Step 24: the key counts only under SK_L of its PN. */
  async #takeKey(link: PeerLink, envelope: Envelope, hop: Hop): Promise<Reply<Hop>> {
    const { state, runs, settling } = this.#context;
    const { pnId: octets, epoch, key, graceMs } = bodyOf(envelope, pnMembershipWithKey);
    const pnId = pnIdText(octets);
    if (!isPanOf(hop, pnId)) throw new CpnsError('Auth', 'WrongPn', 'A PN key came outside the session of its network.');
    // The key may overtake the end of the run that makes this device a member.
    if (runs.get(pnId, link) !== undefined) await runs.over(pnId);
    return settling.run(pnId, async () => {
      const record = state.pn(pnId);
      if (record === undefined)
        throw new CpnsError('State', 'UnknownPn', 'A key came for a network that is not known here.', { status: Status.UnknownPn });
      if (epoch < record.pnKeyEpoch) throw new CpnsError('Auth', 'EpochRollback', 'An old PN key was offered.');
      if (epoch > record.pnKeyEpoch || record.pnKey === undefined) {
        const changes: Changes = new Map();
        DeviceState.setPn(changes, { ...record, pnKeyEpoch: epoch, pnKey: key });
        await state.commit(changes);
        this.#handler.pnKey(pnId, Math.min(graceMs, MAX_GRACE_MS));
      }
      return reply(pnMembershipWithKeyConfirmation, { status: Status.Success, epoch });
    });
  }

  /** Under SK_L of that PN the gateway's word counts; anywhere else it is a hint, and the server is asked (protocol 0.14). */
  async #gatewayEndsPn(link: PeerLink, hop: Hop, notice: { readonly pnId: Uint8Array }): Promise<Reply<Hop>> {
    const context = this.#context;
    const pnId = pnIdText(notice.pnId);
    if (context.state.pn(pnId)?.gateway !== link.peer) return acknowledged;
    if (isPanOf(hop, pnId)) await context.settling.run(pnId, () => forgetPn(context, pnId));
    else this.#upkeep.hinted(link, pnId);
    return acknowledged;
  }

  #register(link: PeerLink, pnId: PnId): Promise<void> {
    const before = this.#registering.get(pnId);
    if (before?.link === link) return before.done;
    // The one on the link before ends with it.
    const done = (before?.done ?? Promise.resolve()).then(() => registerUntilDone(this.#context, link, pnId));
    const entry = { link, done };
    this.#registering.set(pnId, entry);
    return done.finally(() => {
      if (this.#registering.get(pnId) === entry) this.#registering.delete(pnId);
    });
  }

  #serve(link: PeerLink, envelope: Envelope, hop: Hop, handle: () => Promise<Reply<Hop>>): void {
    link.exchange.serve(envelope, hop, handle).catch((error) => {
      this.#context.logger.info('a request of the PN GW was refused', {
        gateway: link.peer,
        message: envelope.type?.name,
        why: describeError(error),
      });
    });
  }
}

function isPanOf(hop: Hop, pnId: PnId): boolean {
  return hop.kind === 'pan' && hop.pnId === pnId;
}
