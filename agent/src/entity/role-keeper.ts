import { type Clock, describeError, type EntityId, type Logger, type Score, scoreOf } from '@cpns/shared';
import {
  ack,
  allowsGateway,
  bodyOf,
  capabilitiesExchange,
  type DeviceCapabilities,
  decodeCapabilities,
  type Envelope,
  encodeCapabilities,
  isGateway,
  Mode,
  modeName,
  type PanKind,
} from '@cpns/shared/messages';
import { type Assignment, assign, type LinkedCandidate, mayTakeTheRole, PNE_COUNTS_MS } from './assignment.js';
import type { DeviceIdentity, Happening } from './device-context.js';
import { type DeviceState, PnRole } from './device-state.js';
import { LINK, type PeerLink } from './peer-link.js';
import type { Reachability } from './uplink-port.js';

const HOP_TIMEOUT_MS = 5_000;

/** The part of the Device Capabilities that the device itself knows. */
export type DeviceFacts = Pick<
  DeviceCapabilities,
  'mains' | 'batteryPercent' | 'cores' | 'memoryMiB' | 'networks' | 'ui' | 'zone' | 'canRoute' | 'preference' | 'name'
>;

export interface RoleKeeperOptions {
  readonly identity: DeviceIdentity;
  readonly state: DeviceState;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly facts: DeviceFacts;
  readonly panKinds: readonly (typeof PanKind)[keyof typeof PanKind][];
  linkTo(id: EntityId): PeerLink | undefined;
  linkedPeers(): readonly EntityId[];
  /** There is no link, but one is about to be: who takes part in the choice stays the same. */
  isAwaited(id: EntityId): boolean;
  happened(what: Happening): void;
  /** Mode or gateway is another one now. */
  assigned(assignment: Assignment): void;
  /** Own Device Capabilities are others now. */
  changed(): void;
  /** A linked peer is a PN GW that matters to this device. */
  gatewayLinked(link: PeerLink): void;
}

/** What a peer said last, and since when it has been saying that it has this mode. */
interface Heard {
  readonly capabilities: DeviceCapabilities;
  readonly inModeSinceMs: number;
}

/** Own Device Capabilities, those of the peers, and the role that follows from them (seed 002 figure 1, steps 3 to 7). */
export class RoleKeeper {
  readonly #options: RoleKeeperOptions;
  readonly #heard = new Map<EntityId, Heard>();
  readonly #told = new WeakMap<PeerLink, Uint8Array>();
  readonly #greeted = new WeakSet<PeerLink>();
  #facts: DeviceFacts;
  #reach: Reachability | undefined;
  #subscribed: boolean;
  #sent: DeviceCapabilities;
  #sentOctets: Uint8Array;
  #assignment: Assignment;
  #gatewaySinceMs: number | undefined;
  #cancelSecondLook = () => {};

  constructor(options: RoleKeeperOptions) {
    this.#options = options;
    this.#facts = options.facts;
    this.#subscribed = allowsGateway(options.identity.subscription);
    this.#assignment = { mode: Mode.Unassigned, gateway: undefined, reason: 'No paired device is linked.' };
    this.#sent = this.#current();
    this.#sentOctets = encodeCapabilities(this.#sent);
  }

  get assignment(): Assignment {
    return this.#assignment;
  }
  get mode(): Mode {
    return this.#assignment.mode;
  }
  get reach(): Reachability | undefined {
    return this.#reach;
  }
  get score(): Score {
    return scoreOf(this.#sent);
  }
  /** Octets as last sent; the election and every hello use them. */
  get octets(): Uint8Array {
    return this.#sentOctets;
  }
  capabilitiesOf(peer: EntityId): DeviceCapabilities | undefined {
    return this.#heard.get(peer)?.capabilities;
  }

  /** Decides for the first time: a PN from before the restart fixes the role. */
  start(): void {
    this.#refresh();
    this.#decide();
  }

  /** True: the networks are others now, so that the server may be reached from here or not any more. */
  factsChanged(facts: DeviceFacts): boolean {
    const elsewhere = facts.networks.join() !== this.#facts.networks.join();
    this.#facts = facts;
    this.#refresh();
    this.#decide();
    return elsewhere;
  }

  reached(reach: Reachability): void {
    const before = this.#reach?.reachable;
    this.#reach = reach;
    if (before === reach.reachable) return;
    this.#refresh();
    this.#decide();
  }

  /** The server's word on the subscription (protocol 0.21). */
  subscribed(allowed: boolean): void {
    if (this.#subscribed === allowed) return;
    this.#subscribed = allowed;
    this.#refresh();
    this.#decide();
  }

  /** Steps 3 and 4: tells a newly linked peer; its own come as {@link heard}. */
  async greet(link: PeerLink): Promise<void> {
    this.#refresh();
    await this.#tell(link);
    this.#decide();
  }

  /** Capabilities of a peer, first or changed ones (step 7). */
  heard(link: PeerLink, envelope: Envelope): void {
    const peer = link.peer as EntityId;
    const capabilities = decodeCapabilities(bodyOf(envelope, capabilitiesExchange).capabilities);
    const before = this.#heard.get(peer);
    const isSame = before?.capabilities.mode === capabilities.mode;
    this.#heard.set(peer, { capabilities, inModeSinceMs: isSame ? before.inModeSinceMs : this.#options.clock.monotonicMs() });
    this.#decide();
  }

  /** Another link to the same peer is in use now: what it was told before still counts. */
  moved(before: PeerLink, link: PeerLink): void {
    const told = this.#told.get(before);
    if (told !== undefined && !this.#told.has(link)) this.#told.set(link, told);
  }

  /** PNs came or went, or a link did. */
  changed(): void {
    const { linkTo, isAwaited } = this.#options;
    for (const peer of this.#heard.keys()) if (linkTo(peer) === undefined && !isAwaited(peer)) this.#heard.delete(peer);
    this.#decide();
  }

  /** 5. Check received and own capabilities for gateway suitability; 6. one takes the role; 7. it tells the others. */
  #decide(): void {
    const { identity, state, clock } = this.#options;
    const pns = state.pns();
    const nowMs = clock.monotonicMs();
    const peers: LinkedCandidate[] = [];
    for (const [id, { capabilities, inModeSinceMs }] of this.#heard) {
      const link = this.#options.linkTo(id);
      const counts = link === undefined ? this.#options.isAwaited(id) : this.#told.has(link);
      if (counts) peers.push({ id, capabilities, inModeForMs: nowMs - inModeSinceMs });
    }
    const next = assign({
      self: { id: identity.id, capabilities: this.#sent },
      peers,
      servesPn: pns.some((record) => record.role === PnRole.PnGw),
      boundTo: pns.find((record) => record.role === PnRole.Pne)?.gateway,
      gatewayForMs: this.#gatewaySinceMs === undefined ? undefined : nowMs - this.#gatewaySinceMs,
    });
    const before = this.#assignment;
    this.#assignment = next;
    if (before.mode !== next.mode || before.gateway !== next.gateway) this.#apply(before, next);
    this.#lookForGateways();
    this.#lookAgain(next, peers);
  }

  /** A device that stays PNE of somebody else is waited for no longer than that. */
  #lookAgain({ mode }: Assignment, peers: readonly LinkedCandidate[]): void {
    this.#cancelSecondLook();
    const waits = peers.filter((peer) => peer.capabilities.mode === Mode.Pne && mayTakeTheRole(peer));
    if (mode !== Mode.Unassigned || waits.length === 0) return;
    const overInMs = Math.min(...waits.map(({ inModeForMs }) => PNE_COUNTS_MS - inModeForMs));
    this.#cancelSecondLook = this.#options.clock.after(overInMs, () => this.#decide());
  }

  #apply(before: Assignment, next: Assignment): void {
    const { clock, happened, assigned } = this.#options;
    if (isGateway(next.mode) !== isGateway(before.mode)) this.#gatewaySinceMs = isGateway(next.mode) ? clock.monotonicMs() : undefined;
    happened({ type: 'mode', mode: next.mode, gateway: next.gateway, text: `This device is ${modeName(next.mode)}: ${next.reason}` });
    assigned(next);
    this.#refresh();
  }

  /** A linked gateway that is ours, or that has PNs of ours, is brought up to date once per link. */
  #lookForGateways(): void {
    const { state, linkTo, gatewayLinked } = this.#options;
    const bound = new Set(state.pns().flatMap((record) => (record.role === PnRole.Pne ? [record.gateway] : [])));
    for (const [id, { capabilities }] of this.#heard) {
      const link = linkTo(id);
      if (link === undefined || !isGateway(capabilities.mode) || this.#greeted.has(link)) continue;
      if (id !== this.#assignment.gateway && !bound.has(id)) continue;
      this.#greeted.add(link);
      gatewayLinked(link);
    }
  }

  /** Own capabilities as they are now; whoever knows older ones is told. */
  #refresh(): void {
    const fresh = this.#current();
    const comparable = (value: DeviceCapabilities) => JSON.stringify({ ...value, reachesServerAgeS: 0 });
    if (comparable(fresh) !== comparable(this.#sent)) {
      this.#sent = fresh;
      this.#sentOctets = encodeCapabilities(fresh);
      this.#options.changed();
    }
    for (const peer of this.#options.linkedPeers()) {
      const link = this.#options.linkTo(peer);
      if (link !== undefined && this.#told.has(link) && this.#told.get(link) !== this.#sentOctets) void this.#tell(link);
    }
  }

  async #tell(link: PeerLink): Promise<void> {
    const octets = this.#sentOctets;
    this.#told.set(link, octets);
    try {
      await link.exchange.request(capabilitiesExchange, { capabilities: octets }, [ack], LINK, {
        timeoutMs: HOP_TIMEOUT_MS,
        signal: link.signal,
      });
    } catch (error) {
      if (link.signal.aborted) return;
      this.#options.logger.info('a peer did not take the device capabilities', { peer: link.peer, why: describeError(error) });
      link.close('it did not answer');
    }
  }

  #current(): DeviceCapabilities {
    const { clock, state, panKinds } = this.#options;
    return {
      ...this.#facts,
      mode: this.#assignment.mode,
      reachesServer: this.#reach?.reachable ?? false,
      reachesServerAgeS: this.#reach === undefined ? 0 : Math.floor((clock.monotonicMs() - this.#reach.atMonotonicMs) / 1000),
      panTechnologies: panKinds,
      subscribed: this.#subscribed,
      pairedPnes: Math.min(new Set([...state.pairings().keys(), ...state.pairings('new').keys()]).size, 1000),
    };
  }
}
