import { acknowledged, describeError, type EntityId, every, type PnId, Serial, type ServerId, StoppableClock } from '@cpns/shared';
import {
  allowsGateway,
  capabilitiesExchange,
  type Envelope,
  entityDiscoveryRequest,
  isGateway,
  PanKind,
  pnDataContent,
  RemoveReason,
  refusal,
  Status,
  toOctets,
  zoneAnnouncement,
} from '@cpns/shared/messages';
import { Gateway } from '../gateway/gateway.js';
import { Pne } from '../pne/pne.js';
import type { Assignment } from './assignment.js';
import { ConsentDesk } from './consent-desk.js';
import { type ContentSource, nothingOffered } from './content-source.js';
import { Contents } from './contents.js';
import type { DeviceContext, Happening } from './device-context.js';
import type { DeviceOptions } from './device-options.js';
import { type DeviceState, type PnRecord, PnRole } from './device-state.js';
import { EntityDiscovery } from './discovery.js';
import { GatewayPardon } from './gateway-pardon.js';
import { Groups } from './groups/groups.js';
import { InventoryCopies } from './inventory-copy.js';
import { LocalEuKeys } from './local-eu-keys.js';
import { Messenger } from './messenger.js';
import type { Neighbourhood } from './neighbourhood.js';
import { Networks } from './networks.js';
import type { PairingService } from './pairing/pairing-service.js';
import type { Hop, PeerLink } from './peer-link.js';
import { Peers } from './peers.js';
import { PnTraffic } from './pn-traffic.js';
import { type DeviceFacts, RoleKeeper } from './role-keeper.js';
import { ServerProbe } from './server-probe.js';

const SWEEP_EVERY_MS = 3_600_000;

const PAN_KINDS: Readonly<Record<string, (typeof PanKind)[keyof typeof PanKind]>> = { lan: PanKind.Lan, ble: PanKind.Ble };

/** A CPNS device: its neighbours, its roles, its messages. Pure; everything of the world comes in through the options. */
export class Device {
  readonly consents: ConsentDesk;
  readonly roles: RoleKeeper;
  readonly messenger: Messenger;
  /** What members offer one another. */
  readonly contents: Contents;
  /** What a person asks of personal networks. */
  readonly networks: Networks;
  /** Service groups. */
  readonly groups: Groups;
  readonly #options: DeviceOptions;
  readonly #offered: ContentSource;
  readonly #peers: Peers;
  readonly #gateway: Gateway;
  readonly #pne: Pne;
  readonly #traffic: PnTraffic;
  readonly #discovery: EntityDiscovery;
  readonly #keys: LocalEuKeys;
  readonly #clock: StoppableClock;
  readonly #pardon: GatewayPardon;
  readonly #probe: ServerProbe;
  #serverTime: { readonly serverMs: number; readonly wallMs: number } | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    this.#offered = options.contents ?? nothingOffered;
    const { identity, provider, entropy, logger, state, settings, technologies } = options;
    const clock = new StoppableClock(options.clock);
    this.#clock = clock;
    const self = identity.id;
    const happened = (what: Happening) => {
      options.happened(what);
      if (what.type === 'pn') this.#pnChanged(what.pnId);
    };
    this.#pardon = new GatewayPardon({
      clock,
      subscription: identity.subscription,
      happened,
      subscribed: (allowed) => this.roles.subscribed(allowed),
    });
    const linkTo = (id: EntityId) => this.#peers.linkTo(id);
    const linkedPeers = () => this.#peers.linked;
    this.#keys = new LocalEuKeys({ state, clock, provider, settings });
    const { ui } = options.facts;
    this.consents = new ConsentDesk({ clock, entropy, policies: settings, ui, limits: settings.limits, happened });
    const context: DeviceContext = {
      identity,
      provider,
      clock,
      entropy,
      logger,
      state,
      settings,
      desk: this.consents,
      keys: this.#keys,
      copies: new InventoryCopies(self, settings.limits.membersPerPn),
      settling: new Serial<PnId>(),
      contents: this.#offered,
      capabilities: () => this.roles.octets,
      linkTo,
      endPans: (id, pnId) => this.#peers.endPans(id, pnId),
      linkedPeers,
      modeOf: (id) => this.roles.capabilitiesOf(id)?.mode,
      happened,
    };
    const ports = { self, state, provider, clock, entropy, logger, bootCounter: options.bootCounter };
    this.#traffic = new PnTraffic(ports);
    this.groups = new Groups({
      ...ports,
      idServer: identity.idServer,
      desk: this.consents,
      contents: this.#offered,
      happened,
      session: (pnId) => this.#serverSession(pnId),
      carry: (pnId, body) => (pnId === undefined ? this.#gateway.sendToGroup(body) : this.#pne.sendToGroup(pnId, body)),
      released: () => this.messenger.flush(),
      received: (message, pnId, sentMs) => this.messenger.groupData(message, pnId, sentMs),
    });
    this.#gateway = new Gateway(context, options.uplink, {
      serverData: (channel, envelope) => this.messenger.serverData(undefined, channel, envelope),
      pnData: (pnId, body) => this.messenger.pnData(pnId, body),
      pnKey: (pnId, graceMs, switchAfterMs) => this.#traffic.keyChanged(pnId, graceMs, switchAfterMs),
      pnKeyShared: (pnId) => this.#traffic.switchNow(pnId),
      groups: this.groups,
      connected: (confirm) => {
        if (confirm.subscription !== undefined) this.roles.subscribed(allowsGateway(confirm.subscription));
        this.roles.reached({ reachable: true, atMonotonicMs: clock.monotonicMs() });
        this.groups.reachable(undefined);
        this.messenger.flush();
      },
      refused: (error) => this.#pardon.refused(error),
      serverTime: (serverMs) => this.#sawServerTime(serverMs),
    });
    this.#pne = new Pne(context, {
      serverData: (pnId, channel, envelope) => this.messenger.serverData(pnId, channel, envelope),
      pnData: (pnId, body) => this.messenger.pnData(pnId, body),
      pnKey: (pnId, graceMs) => this.#traffic.keyChanged(pnId, graceMs),
      subscribed: (subscription) => this.roles.subscribed(allowsGateway(subscription)),
      serverTime: (serverMs) => this.#sawServerTime(serverMs),
      groups: this.groups,
      reachable: (pnId) => {
        this.groups.reachable(pnId);
        this.messenger.flush();
      },
    });
    const sendInPn = (pnId: PnId, to: EntityId, message: Uint8Array) =>
      this.#servesPn(pnId) ? this.#gateway.send(pnId, to, message) : this.#pne.send(pnId, to, message);
    this.contents = new Contents({
      state,
      clock,
      entropy,
      logger,
      source: this.#offered,
      say: (pnId, to, what) => {
        const sealed = this.#traffic.seal(pnId, toOctets(pnDataContent, what));
        return sealed !== undefined && sendInPn(pnId, to, sealed);
      },
    });
    this.messenger = new Messenger({
      self,
      state,
      clock,
      entropy,
      logger,
      traffic: this.#traffic,
      limits: settings.limits,
      serverSession: (pnId) => this.#serverSession(pnId),
      sendInPn,
      contents: this.contents,
      groups: this.groups,
      keyMissed: (pnId) => (this.#servesPn(pnId) ? this.#gateway.compare() : this.#pne.keyMissed(pnId)),
      received: options.received,
      happened,
    });
    this.roles = new RoleKeeper({
      identity,
      state,
      clock,
      logger,
      facts: options.facts,
      panKinds: technologies.flatMap((technology) => PAN_KINDS[technology.type] ?? []),
      linkTo,
      linkedPeers,
      isAwaited: (id) => this.#peers.isAwaited(id),
      happened,
      assigned: (assignment) => this.#assigned(assignment),
      changed: () => this.#gateway.capabilitiesChanged(),
      gatewayLinked: (link) => void this.#pne.gatewayLinked(link),
    });
    this.#probe = new ServerProbe({ clock, entropy, uplink: options.uplink, reached: (reach) => this.roles.reached(reach) });
    this.#discovery = new EntityDiscovery({ self, zone: options.facts.zone, state, logger, roles: this.roles, happened });
    this.#peers = new Peers({
      self,
      provider,
      clock,
      entropy,
      logger,
      state,
      limits: settings.limits,
      technologies,
      happened,
      mode: () => this.roles.mode,
      modeOf: (id) => this.roles.capabilitiesOf(id)?.mode,
      gateway: () => this.roles.assignment.gateway,
      handler: {
        up: (link, before) => {
          if (before !== undefined) this.roles.moved(before, link);
          void this.#discovery.greet(link);
        },
        ended: (link) => this.#ended(link),
        down: () => this.roles.changed(),
        missed: () => this.roles.changed(),
        message: (link, envelope, hop) => this.#message(link, envelope, hop),
        unpaired: (peer, byPeer) => this.#unpaired(peer, byPeer),
      },
    });
    const [peers, roles, pne, gateway] = [this.#peers, this.roles, this.#pne, this.#gateway];
    this.networks = new Networks({ self, state, peers, roles, discovery: this.#discovery, pne, gateway });
  }

  get id(): EntityId {
    return this.#options.identity.id;
  }
  /** ID_S of the enrolment. */
  get serverId(): ServerId {
    return this.#options.identity.idServer;
  }
  /** Pairing for the person at this device. */
  get pairing(): PairingService {
    return this.#peers.pairing;
  }
  /** Who is near. */
  get neighbourhood(): Neighbourhood {
    return this.#peers.neighbourhood;
  }
  get state(): DeviceState {
    return this.#options.state;
  }
  /** Own wall clock minus server time at the last heartbeat, ms; for display only. */
  get clockOffsetMs(): number | undefined {
    return this.#serverTime && this.#serverTime.wallMs - this.#serverTime.serverMs;
  }
  get uplink(): { readonly isReady: boolean; readonly reason: string } {
    return this.#gateway.server;
  }
  /** Every session with the server has X25519 in it: without it none is accepted. */
  get sessionsAreForwardSecret(): boolean {
    return this.#options.settings.requireForwardSecrecy;
  }
  linkedForMs(link: PeerLink): number {
    return this.#clock.monotonicMs() - link.provenAtMs;
  }
  linkTo(id: EntityId): PeerLink | undefined {
    return this.#peers.linkTo(id);
  }
  linkedPeers(): readonly EntityId[] {
    return this.#peers.linked;
  }
  /** This PNE has a session with the server for that PN. */
  hasServerSession(pnId: PnId): boolean {
    return this.#serverSession(pnId) !== undefined;
  }

  async start(): Promise<void> {
    this.roles.start();
    this.#leaveUnpaired();
    every(this.#clock, SWEEP_EVERY_MS, () => this.#sweep());
    await this.#peers.start();
    this.#probe.now();
  }

  async stop(): Promise<void> {
    this.#probe.stop();
    this.messenger.stop();
    this.#pne.stop();
    await Promise.all([this.#peers.stop(), this.#gateway.stop(), this.#traffic.stop(), this.groups.stop()]);
    this.#clock.stop();
  }

  #sweep(): void {
    this.#keys.sweep().catch((error) => this.#options.logger.warn('old keys could not be deleted', { why: describeError(error) }));
  }

  /** What this device offers is something else now: the servers of its PNs are told. */
  contentsChanged(): void {
    this.#pne.contentsChanged();
  }
  /** Why something that should be offered is not. */
  get contentProblems(): readonly string[] {
    return this.#offered.problems();
  }

  factsChanged(facts: DeviceFacts): void {
    if (this.roles.factsChanged(facts)) this.#probe.now();
  }

  /**
   * Ends a pairing, and with it the PNs that rest on it: those of that gateway are over here, and as PN GW this device takes the other
   * one out of its own. @throws CpnsError State/NotPaired, State/DiskFull
   */
  unpair(peer: EntityId): Promise<void> {
    return this.#peers.pairings.end(peer);
  }

  /** Tells every linked device that the pairing is over, as a reset is about to make it. */
  tellUnpaired(): void {
    this.#peers.pairings.tellAll();
  }

  /** What was under way on a link is over; where there is another one to the same PN GW, it goes on there. */
  #ended(link: PeerLink): void {
    this.#gateway.linkClosed(link);
    this.#pne.linkClosed(link);
    const other = link.peer && this.#peers.linkTo(link.peer);
    if (other !== undefined && other !== link) this.#pne.goOn(other);
  }

  /** What rested on a pairing is over. */
  async #unpaired(peer: EntityId, byPeer: boolean): Promise<void> {
    void this.#gateway.dismiss(peer, byPeer ? RemoveReason.Left : RemoveReason.Expelled);
    await this.#pne.leaveGateway(peer);
    this.roles.changed();
  }

  /** What a power cut between an unpairing and its consequences left behind. */
  #leaveUnpaired(): void {
    const { state, logger } = this.#options;
    for (const { gateway, role } of state.pns()) {
      if (role !== PnRole.Pne || this.#peers.pairings.has(gateway)) continue;
      this.#pne.leaveGateway(gateway).catch((error) => logger.warn('a PN could not be left', { gateway, why: describeError(error) }));
    }
  }

  #message(link: PeerLink, envelope: Envelope, hop: Hop): void {
    const { logger } = this.#options;
    const serve = (handle: Parameters<PeerLink['exchange']['serve']>[2]) =>
      link.exchange
        .serve(envelope, hop, handle)
        .catch((error) =>
          logger.info('a request was refused', { peer: link.peer, message: envelope.type?.name, why: describeError(error) }),
        );
    switch (envelope.number) {
      case entityDiscoveryRequest.number:
        return void serve(async () => this.#discovery.answer());
      case zoneAnnouncement.number:
        return this.#discovery.zoneAnnounced(link, envelope);
      case capabilitiesExchange.number:
        return void serve(async () => {
          this.roles.heard(link, envelope);
          return acknowledged;
        });
      default:
        if (this.#pne.message(link, envelope, hop)) return;
        if (isGateway(this.roles.mode) && this.#gateway.message(link, envelope, hop)) return;
        if (envelope.type?.kind === 'request') link.exchange.notify(refusal, { status: Status.WrongState }, hop, envelope.transaction);
    }
  }

  #assigned({ mode }: Assignment): void {
    if (isGateway(mode)) this.#gateway.start();
    else void this.#gateway.stop();
    this.#peers.roleChanged();
    for (const peer of this.#peers.linked) {
      const link = this.#peers.linkTo(peer);
      if (link !== undefined) this.#discovery.announceZone(link);
    }
  }

  #pnChanged(pnId: PnId): void {
    this.#traffic.keyChanged(pnId, 0);
    this.groups.pnChanged();
    this.roles.changed();
    this.messenger.flush();
  }

  #sawServerTime(serverMs: number): void {
    this.#serverTime = { serverMs, wallMs: this.#clock.wallMs() };
  }

  #servesPn(pnId: PnId): boolean {
    return this.#record(pnId)?.role === PnRole.PnGw;
  }

  #record(pnId: PnId): PnRecord | undefined {
    return this.#options.state.pn(pnId);
  }

  #serverSession(pnId: PnId | undefined) {
    if (pnId !== undefined && !this.#servesPn(pnId)) return this.#pne.session(pnId);
    return this.#gateway.server.isReady ? this.#gateway.server.channel() : undefined;
  }
}
