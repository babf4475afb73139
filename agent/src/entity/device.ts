import {
  acknowledged,
  type Clock,
  CpnsError,
  type CryptoProvider,
  describeError,
  type EntityId,
  type Entropy,
  every,
  type Logger,
  type PnId,
  Serial,
  type ServerId,
  StoppableClock,
} from '@cpns/shared';
import {
  allowsGateway,
  capabilitiesExchange,
  type Envelope,
  entityDiscoveryRequest,
  isGateway,
  Mode,
  PanKind,
  RemoveReason,
  refusal,
  Status,
} from '@cpns/shared/messages';
import { Gateway } from '../gateway/gateway.js';
import type { Established, Setup, SetupProgress } from '../pne/establish.js';
import { Pne } from '../pne/pne.js';
import type { Assignment } from './assignment.js';
import { ConsentDesk, type ConsentPolicy } from './consent-desk.js';
import type { DeviceContext, DeviceIdentity, DeviceSettings, Happening } from './device-context.js';
import { type DeviceState, type PnRecord, PnRole } from './device-state.js';
import { EntityDiscovery } from './discovery.js';
import { InventoryCopies } from './inventory-copy.js';
import { LocalEuKeys } from './local-eu-keys.js';
import { Messenger, type ReceivedMessage } from './messenger.js';
import type { Neighbourhood } from './neighbourhood.js';
import type { PairingService } from './pairing/pairing-service.js';
import type { PanTechnology } from './pan-technology.js';
import type { Hop, PeerLink } from './peer-link.js';
import { Peers } from './peers.js';
import { PnTraffic } from './pn-traffic.js';
import { type DeviceFacts, RoleKeeper } from './role-keeper.js';
import { ServerProbe } from './server-probe.js';
import type { Uplink } from './uplink-port.js';

/** A device that the server did not let be PN GW does not offer itself for so long. */
const REFUSED_FOR_MS = 15 * 60_000;
const SWEEP_EVERY_MS = 3_600_000;

const PAN_KINDS: Readonly<Record<string, (typeof PanKind)[keyof typeof PanKind]>> = { lan: PanKind.Lan, ble: PanKind.Ble };

export interface DeviceOptions {
  readonly identity: DeviceIdentity;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly settings: DeviceSettings & { readonly consent: ConsentPolicy };
  readonly facts: DeviceFacts;
  readonly technologies: readonly PanTechnology[];
  readonly uplink: Uplink;
  /** From {@link DeviceState.nextBootCounter}. */
  readonly bootCounter: number;
  happened(what: Happening): void;
  received(message: ReceivedMessage): void;
}

/** A CPNS device: its neighbours, its roles, its messages. Pure; everything of the world comes in through the options. */
export class Device {
  readonly consents: ConsentDesk;
  readonly roles: RoleKeeper;
  readonly messenger: Messenger;
  readonly #options: DeviceOptions;
  readonly #peers: Peers;
  readonly #gateway: Gateway;
  readonly #pne: Pne;
  readonly #traffic: PnTraffic;
  readonly #discovery: EntityDiscovery;
  readonly #keys: LocalEuKeys;
  readonly #clock: StoppableClock;
  #cancelPardon = () => {};
  readonly #probe: ServerProbe;
  #serverTime: { readonly serverMs: number; readonly wallMs: number } | undefined;

  constructor(options: DeviceOptions) {
    this.#options = options;
    const { identity, provider, entropy, logger, state, settings, technologies } = options;
    const clock = new StoppableClock(options.clock);
    this.#clock = clock;
    const self = identity.id;
    const happened = (what: Happening) => {
      options.happened(what);
      if (what.type === 'pn') this.#pnChanged(what.pnId);
    };
    const linkTo = (id: EntityId) => this.#peers.linkTo(id);
    const linkedPeers = () => this.#peers.linked;
    this.#keys = new LocalEuKeys({ state, clock, provider, settings });
    const context: DeviceContext = {
      identity,
      provider,
      clock,
      entropy,
      logger,
      state,
      settings,
      keys: this.#keys,
      copies: new InventoryCopies(self, settings.limits.membersPerPn),
      settling: new Serial<PnId>(),
      capabilities: () => this.roles.octets,
      linkTo,
      linkedPeers,
      modeOf: (id) => this.roles.capabilitiesOf(id)?.mode,
      happened,
    };

    this.consents = new ConsentDesk({ clock, entropy, policy: settings.consent, limits: settings.limits, happened });
    this.#traffic = new PnTraffic({ self, state, provider, clock, entropy, logger, bootCounter: options.bootCounter });
    this.#gateway = new Gateway(context, options.uplink, {
      serverData: (channel, envelope) => this.messenger.serverData(undefined, channel, envelope),
      pnData: (pnId, body) => this.messenger.pnData(pnId, body),
      pnKey: (pnId, graceMs, switchAfterMs) => this.#traffic.keyChanged(pnId, graceMs, switchAfterMs),
      pnKeyShared: (pnId) => this.#traffic.switchNow(pnId),
      connected: (confirm) => {
        if (confirm.subscription !== undefined) this.roles.subscribed(allowsGateway(confirm.subscription));
        this.roles.reached({ reachable: true, atMonotonicMs: clock.monotonicMs() });
        this.messenger.flush();
      },
      refused: (error) => this.#gatewayRefused(error),
      serverTime: (serverMs) => this.#sawServerTime(serverMs),
    });
    this.#pne = new Pne(context, this.consents, {
      serverData: (pnId, channel, envelope) => this.messenger.serverData(pnId, channel, envelope),
      pnData: (pnId, body) => this.messenger.pnData(pnId, body),
      pnKey: (pnId, graceMs) => this.#traffic.keyChanged(pnId, graceMs),
      serverTime: (serverMs) => this.#sawServerTime(serverMs),
      reachable: () => this.messenger.flush(),
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
      sendInPn: (pnId, to, message) => (this.#servesPn(pnId) ? this.#gateway.send(pnId, to, message) : this.#pne.send(pnId, to, message)),
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
    this.#discovery = new EntityDiscovery({ self, zone: options.facts.zone, state, logger, roles: this.roles });
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
    await Promise.all([this.#peers.stop(), this.#gateway.stop(), this.#traffic.stop()]);
    this.#clock.stop();
  }

  #sweep(): void {
    this.#keys.sweep().catch((error) => this.#options.logger.warn('old keys could not be deleted', { why: describeError(error) }));
  }

  factsChanged(facts: DeviceFacts): void {
    if (this.roles.factsChanged(facts)) this.#probe.now();
  }

  /**
   * Establishes a PN with this device as its initiator, through `gateway` or the assigned one.
   * @throws CpnsError State/NoGateway, State/IsGateway, State/OneGatewayOverBluetooth, and as the PNE role's establish
   */
  async establish(setup: Setup, gateway: EntityId | undefined, progress: SetupProgress, signal: AbortSignal): Promise<Established> {
    const id = gateway ?? this.roles.assignment.gateway;
    if (id === this.id)
      throw new CpnsError('State', 'IsGateway', 'This device is the PN GW: ask for the personal network at one of the other devices.');
    if (id !== undefined && this.#peers.isAwaited(id)) await this.#peers.settled(id, signal);
    const link = id && this.#peers.linkTo(id);
    if (!link && id !== undefined) this.#refuseSecondOverBluetooth(id);
    if (!link) {
      throw new CpnsError(
        'State',
        'NoGateway',
        `No PN GW is linked: ${this.roles.assignment.reason} Pair this device with one that reaches the server.`,
      );
    }
    return await this.#pne.establish(link, setup, progress, signal);
  }

  /** @throws CpnsError State/OneGatewayOverBluetooth */
  #refuseSecondOverBluetooth(wanted: EntityId): void {
    const isGatewayOverBluetooth = (id: EntityId) =>
      this.#peers.linkTo(id)?.technology === 'ble' && isGateway(this.roles.capabilitiesOf(id)?.mode ?? Mode.Unassigned);
    const taken = this.#peers.linked.find(isGatewayOverBluetooth);
    if (taken === undefined) return;
    throw new CpnsError(
      'State',
      'OneGatewayOverBluetooth',
      `Over Bluetooth a device has a link with one PN GW at a time, and this one has it with ${taken}: reach ${wanted} over the local network, or add a second Bluetooth adapter.`,
    );
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
  }

  #gatewayRefused(error: CpnsError): void {
    this.#options.happened({ type: 'problem', text: `The server does not let this device be PN GW: ${error.message}` });
    this.roles.subscribed(false);
    // A subscription can change; the server says so only to whom asks.
    this.#cancelPardon();
    this.#cancelPardon = this.#clock.after(REFUSED_FOR_MS, () => this.roles.subscribed(allowsGateway(this.#options.identity.subscription)));
  }

  #pnChanged(pnId: PnId): void {
    this.#traffic.keyChanged(pnId, 0);
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
