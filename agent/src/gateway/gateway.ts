import { CpnsError, describeError, type EntityId, type PnId, type Reply, toCpnsError } from '@cpns/shared';
import {
  type BodyOf,
  bodyOf,
  type Envelope,
  panHandshake1,
  panHandshake3,
  pnData,
  pneConnectionSetupRequest,
  pneInviteRequest,
  pneRegistrationRequest,
  pneRequest,
  pnReleaseRequest,
  pnSetupRequest,
  type RemoveReason,
  reconcile,
  relay,
  Status,
  type Subscription,
  type sessionConfirm,
  sgData,
} from '@cpns/shared/messages';
import type { DeviceContext } from '../entity/device-context.js';
import { type Changes, DeviceState, PnRole, pnIdText } from '../entity/device-state.js';
import type { GroupsOfRole } from '../entity/groups/groups.js';
import type { Hop, PeerLink } from '../entity/peer-link.js';
import type { ServerChannel } from '../entity/server-channel.js';
import type { Established, Setup, SetupProgress } from '../entity/setup.js';
import type { Uplink } from '../entity/uplink-port.js';
import { ReportedCapabilities } from './capabilities.js';
import { introduce } from './connect.js';
import { Connections } from './connections.js';
import { establish, establishOwn } from './establish.js';
import { expel } from './expel.js';
import type { GatewayContext } from './gateway-context.js';
import { GroupDeliveries } from './group-deliveries.js';
import { GroupRoutes } from './group-routes.js';
import { relayFromMember, sendOwn } from './groups.js';
import { invite, inviteForMember } from './invite.js';
import { carryOutRemovals, hintOut, removeFromPn, removeUnpaired } from './membership.js';
import { PanSessions } from './pan-session.js';
import { handOutPnKey } from './pn-key.js';
import { servePneRequest } from './pne-request.js';
import { answerReconcile, type Comparison, compareWithServer, settleComparison } from './reconcile.js';
import { Registrations } from './register.js';
import { release, releaseForPne } from './release.js';
import { Removals } from './removals.js';
import { forward, relayUp, route } from './routing-table.js';
import { ServerLink } from './server-link.js';
import { serveServer } from './server-messages.js';
import { UnderWay } from './under-way.js';

/** What the gateway hands on to the device around it. */
export interface GatewayHandler {
  /** Data addressed to this device itself: by the server, or by a member under the PN key. */
  serverData(channel: ServerChannel, envelope: Envelope): void;
  pnData(pnId: PnId, body: BodyOf<typeof pnData>): void;
  /** The key of a PN changed: the one before is received for `graceMs` more, and sent with for `switchAfterMs` at most. */
  pnKey(pnId: PnId, graceMs: number, switchAfterMs: number): void;
  /** Every member that is here has the key. */
  pnKeyShared(pnId: PnId): void;
  /** Service groups that this device is in as PN GW. */
  readonly groups: GroupsOfRole;
  connected(confirm: BodyOf<typeof sessionConfirm>): void;
  /** The server does not let this device be PN GW. */
  refused(error: CpnsError): void;
  serverTime(serverTimeMs: number): void;
}

/** A PNE is told at most once in so long that it is not in a PN. */
const HINT_EVERY_MS = 30_000;

/** The PN GW role of a device: serves its PNEs, and stands for them before the server. */
export class Gateway {
  readonly #context: GatewayContext;
  readonly #handler: GatewayHandler;
  readonly #server: ServerLink;
  readonly #registrations: Registrations;
  readonly #connections: Connections;
  readonly #panSessions = new WeakMap<PeerLink, PanSessions>();
  readonly #settingUp = new Set<EntityId>();
  /** PNs whose key a linked PNE has missed. */
  readonly #behind = new WeakMap<PeerLink, Set<PnId>>();
  /** PNs of which a linked PNE was told lately that it is not in them here. */
  readonly #hinted = new WeakMap<PeerLink, Set<PnId>>();
  #comparing = false;
  #subscription: Subscription;

  constructor(device: DeviceContext, uplink: Uplink, handler: GatewayHandler) {
    const { logger, happened } = device;
    this.#subscription = device.identity.subscription;
    const context: GatewayContext = {
      ...device,
      forming: new Set(),
      reported: new ReportedCapabilities(device),
      removals: new Removals(device.state),
      groupRoutes: new GroupRoutes(device.state),
      groupDeliveries: new GroupDeliveries({ ...device, server: () => (this.#server.isReady ? this.#server.channel() : undefined) }),
      underWay: new UnderWay(),
      releasing: new Set(),
      server: () => this.#server.channel(),
      subscription: () => this.#subscription,
      pnKeyChanged: (pnId, graceMs, switchAfterMs) => handler.pnKey(pnId, graceMs, switchAfterMs),
      pnKeyShared: (pnId) => handler.pnKeyShared(pnId),
      compare: () => this.compare(),
      background: (what, work) => void work().catch((error) => logger.warn(`${what} failed`, { why: describeError(error) })),
    };
    this.#context = context;
    this.#handler = handler;
    this.#registrations = new Registrations(context);
    this.#connections = new Connections(device.clock);
    this.#server = new ServerLink(device, uplink, {
      introduce: (channel, signal) => introduce(context, channel, signal),
      ready: (confirm, comparison) => this.#ready(confirm, comparison),
      refused: (error) => handler.refused(error),
      disconnected: (reason) => happened({ type: 'server', connected: false, text: `The CPNS Server cannot be reached. ${reason}` }),
      message: (channel, envelope) => serveServer(context, handler, channel, envelope),
    });
  }

  start(): void {
    this.#server.start();
  }
  stop(): Promise<void> {
    return this.#server.stop();
  }
  get server(): { readonly isReady: boolean; readonly reason: string; channel(): ServerChannel } {
    return this.#server;
  }

  /** Sends data of this device to a member. False: the member is not here now. */
  send(pnId: PnId, to: EntityId, message: Uint8Array): boolean {
    const record = this.#context.state.pn(pnId);
    return record !== undefined && forward(this.#context, record, pnId, { from: this.#context.identity.id, to, message });
  }

  /** Sends a sealed message of this device to a service group. False: it cannot leave now. */
  sendToGroup(body: BodyOf<typeof sgData>): boolean {
    return sendOwn(this.#context, body);
  }

  /** @throws CpnsError as {@link expel} */
  expel(pnId: PnId, pne: EntityId): Promise<boolean> {
    return expel(this.#context, pnId, pne);
  }
  /** @throws CpnsError as {@link release} */
  release(pnId: PnId): Promise<void> {
    return release(this.#context, pnId);
  }

  /** Own capabilities are others now: the server is told (seed 002 step 12). */
  capabilitiesChanged(): void {
    if (!this.#server.isReady) return;
    this.#context.background('sending the device capabilities', () => this.#context.reported.report(this.#server.channel()));
  }

  /** That device is not paired with this one any more: it is taken out of every PN here. */
  async dismiss(peer: EntityId, reason: typeof RemoveReason.Expelled | typeof RemoveReason.Left): Promise<void> {
    for (const { pnId, role, members } of this.#context.state.pns()) {
      if (role !== PnRole.PnGw || !members.some((member) => member.entityId === peer)) continue;
      await removeFromPn(this.#context, pnIdText(pnId), [peer], reason);
    }
  }

  /** A request or notify of a linked device to its PN GW. False: not for this role. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): boolean {
    const context = this.#context;
    const pne = link.peer as EntityId;
    switch (envelope.number) {
      case pneConnectionSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#connections.wait(link));
        return true;
      case pnSetupRequest.number:
        this.#serve(link, envelope, hop, () => this.#establish(link, pne, envelope));
        return true;
      case pneRegistrationRequest.number:
        this.#serve(link, envelope, hop, () => this.#registrations.register(link, envelope));
        return true;
      case pneRequest.number:
        this.#serve(link, envelope, hop, () => servePneRequest(context, link, envelope, hop));
        return true;
      case pnReleaseRequest.number:
        this.#serve(link, envelope, hop, () => releaseForPne(context, link, envelope, hop));
        return true;
      case pneInviteRequest.number:
        this.#serve(link, envelope, hop, () => inviteForMember(context, link, envelope, hop));
        return true;
      case panHandshake1.number:
        this.#serve(link, envelope, hop, async () => this.#panSessionsOf(link).challenge(envelope));
        return true;
      case panHandshake3.number:
        this.#serve(link, envelope, hop, async () =>
          this.#panSessionsOf(link).verify(envelope, (pnId, channel) => {
            link.addPan(pnId, channel);
            if (this.#behind.get(link)?.delete(pnId)) this.#handOut(pnId, pne);
          }),
        );
        return true;
      case reconcile.number:
        this.#serve(link, envelope, hop, async () => this.#reconcile(link, pne, envelope));
        return true;
      case relay.number:
        this.#routed(link, () => relayUp(context, link, envelope, hop), pnIdText(bodyOf(envelope, relay).pnId));
        return true;
      case pnData.number:
        this.#routed(
          link,
          () => {
            const body = bodyOf(envelope, pnData);
            if (route(context, link, envelope, hop)) this.#handler.pnData(pnIdText(body.pnId), body);
          },
          pnIdText(bodyOf(envelope, pnData).pnId),
        );
        return true;
      case sgData.number:
        if (hop.kind === 'pan')
          this.#routed(link, () => relayFromMember(context, this.#handler.groups, link, hop, bodyOf(envelope, sgData)), hop.pnId);
        return true;
      default:
        return false;
    }
  }

  /** A link ended: what its PNE had under way is over. */
  linkClosed(link: PeerLink): void {
    if (link.peer !== undefined) this.#context.groupDeliveries.lost(link.peer);
    this.#panSessions.get(link)?.abort();
    this.#connections.fail(link, new CpnsError('Transport', 'LinkLost', 'The link was lost.'));
  }

  /** Establishes a PN that this PN GW initiates. @throws CpnsError State/SetupBusy, and as {@link establishOwn} */
  establish(setup: Setup, progress: SetupProgress, signal: AbortSignal): Promise<Established> {
    return this.#once(this.#context.identity.id, () => establishOwn(this.#context, setup, progress, signal));
  }

  /** Invites a device into a PN of this gateway; what became of it. @throws as {@link invite} */
  async invite(pnId: PnId, pne: EntityId, signal: AbortSignal): Promise<Status> {
    const { outcomes, tell } = await invite(this.#context, pnId, { inviter: this.#context.identity.id, own: true, pnes: [pne] }, signal);
    const admitted = outcomes.get(pne) === Status.Success;
    await tell();
    const status = outcomes.get(pne) ?? Status.AuthFailed;
    if (!admitted || status !== Status.Timeout) return status;
    const sentence = `${pne} was let in, and was lost before it confirmed that: "cpns-agent pn show" tells whether it is there.`;
    throw new CpnsError('Transport', 'OutcomeUnknown', sentence, { status });
  }

  async #establish(link: PeerLink, pne: EntityId, envelope: Envelope): Promise<Reply<Hop>> {
    return await this.#once(pne, async () => {
      try {
        return await establish(this.#context, this.#connections, link, envelope);
      } catch (error) {
        this.#connections.fail(link, toCpnsError(error));
        throw error;
      }
    });
  }

  /** Each device has one PN Setup under way (security 2.1). */
  async #once<T>(initiator: EntityId, establish: () => Promise<T>): Promise<T> {
    if (this.#settingUp.has(initiator))
      throw new CpnsError('State', 'SetupBusy', 'That device has a PN Setup under way already.', { status: Status.Busy });
    this.#settingUp.add(initiator);
    try {
      return await establish();
    } finally {
      this.#settingUp.delete(initiator);
    }
  }

  #reconcile(link: PeerLink, pne: EntityId, envelope: Envelope): Reply<Hop> {
    const behind = new Set<PnId>();
    const answer = answerReconcile(this.#context, link, envelope, (pnId) => {
      if (link.hasPan(pnId)) this.#handOut(pnId, pne);
      else behind.add(pnId);
    });
    this.#behind.set(link, behind);
    return answer;
  }

  /** After the answer that is about to leave. */
  #handOut(pnId: PnId, pne: EntityId): void {
    this.#context.clock.after(0, () => void handOutPnKey(this.#context, pnId, pne, 0));
  }

  #panSessionsOf(link: PeerLink): PanSessions {
    const known = this.#panSessions.get(link);
    if (known !== undefined) return known;
    const fresh = new PanSessions(this.#context, link);
    this.#panSessions.set(link, fresh);
    return fresh;
  }

  #ready(confirm: BodyOf<typeof sessionConfirm>, comparison: Comparison): void {
    const context = this.#context;
    this.#subscription = confirm.subscription ?? this.#subscription;
    const changes: Changes = new Map();
    DeviceState.setServerKeys(changes, { keys: confirm.serverKeys, cpnsId: confirm.cpnsId });
    context.background('storing the keys of the server', () => context.state.commit(changes));
    context.happened({ type: 'server', connected: true, text: 'Connected to the CPNS Server as PN GW.' });
    this.#handler.connected(confirm);
    context.groupDeliveries.flush();
    settleComparison(context, comparison);
    removeUnpaired(context);
    for (const pnId of context.removals.pns) void carryOutRemovals(context, pnId);
  }

  /** Compares all PN Inventories with the server's; what is missing here follows. */
  compare(): void {
    if (this.#comparing || !this.#server.isReady) return;
    this.#comparing = true;
    this.#context.background('comparing inventories', () =>
      compareWithServer(this.#context, this.#server.channel())
        .then((comparison) => settleComparison(this.#context, comparison))
        .finally(() => {
          this.#comparing = false;
        }),
    );
  }

  #serve(link: PeerLink, envelope: Envelope, hop: Hop, handle: () => Promise<Reply<Hop>>): void {
    link.exchange.serve(envelope, hop, handle).catch((error) => {
      this.#context.logger.info('a request of a PNE was refused', {
        pne: link.peer,
        message: envelope.type?.name,
        why: describeError(error),
      });
    });
  }

  /** Traffic of a PN. Who sends in one that it is not in here is told so: a hint, on which it asks the server (protocol e.10). */
  #routed(link: PeerLink, carry: () => void, pnId: PnId): void {
    try {
      carry();
    } catch (error) {
      this.#context.logger.info('a message of a PNE was dropped', { pne: link.peer, why: describeError(error) });
      const hinted = this.#hinted.get(link) ?? new Set<PnId>();
      const unknown = error instanceof CpnsError && error.status === Status.UnknownPn;
      if (!unknown || hinted.has(pnId) || hinted.size >= this.#context.settings.limits.pns) return;
      this.#hinted.set(link, hinted.add(pnId));
      this.#context.clock.after(HINT_EVERY_MS, () => hinted.delete(pnId));
      hintOut(link, pnId);
    }
  }
}
