import {
  abortable,
  type Clock,
  CpnsError,
  type CryptoProvider,
  describeError,
  type EntityId,
  type Entropy,
  every,
  type Link,
  type LinkType,
  type Logger,
  type PnId,
  Serial,
} from '@cpns/shared';
import { advertisingKey, type Envelope, type Mode, unpair } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { AdvertisingKeys } from './advertising-keys.js';
import { BleTurns } from './ble-turns.js';
import type { DeviceLimits, Happening } from './device-context.js';
import type { DeviceState } from './device-state.js';
import { Links } from './links.js';
import { Neighbourhood } from './neighbourhood.js';
import { PairingService } from './pairing/pairing-service.js';
import { Pairings } from './pairings.js';
import { dialsFirst, isBetter, MAX_BLE_LINKS, mayDial, technologyName } from './pan-preference.js';
import type { PanTechnology } from './pan-technology.js';
import type { Hop, PeerLink } from './peer-link.js';

export interface PeersHandler {
  /** A proven link to a peer is the one to use from now on. `before`: in place of this one, which may still be open. */
  up(link: PeerLink, before: PeerLink | undefined): void;
  /** A proven link has ended; there may be another one to its peer. */
  ended(link: PeerLink): void;
  /** After {@link ended}: there is no link to its peer any more. */
  down(link: PeerLink): void;
  /** A device that was awaited, since its link was to be made anew, did not come. */
  missed(peer: EntityId): void;
  message(link: PeerLink, envelope: Envelope, hop: Hop): void;
  /** The pairing is deleted, by this device or by the peer. */
  unpaired(peer: EntityId, byPeer: boolean): Promise<void>;
}

export interface PeersOptions {
  readonly self: EntityId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly limits: DeviceLimits;
  readonly technologies: readonly PanTechnology[];
  readonly handler: PeersHandler;
  happened(what: Happening): void;
  /** What this device is now, for everybody around. */
  mode(): Mode;
  /** Mode of a linked peer, as it last said. */
  modeOf(peer: EntityId): Mode | undefined;
  /** The PN GW that this device uses. */
  gateway(): EntityId | undefined;
}

/** Bluetooth links that run the wrong way are looked for this often. */
const REVIEW_EVERY_MS = 1_000;
const NO_BLE_ROOM = `this device has ${MAX_BLE_LINKS} links there, as many as it may: use the local network, or another PN GW.`;

/** The devices around this one: who is near, who is paired, and who is linked. */
export class Peers {
  readonly neighbourhood: Neighbourhood;
  readonly pairing: PairingService;
  readonly pairings: Pairings;
  readonly #options: PeersOptions;
  readonly #links: Links;
  readonly #advertising: AdvertisingKeys;
  readonly #turns: BleTurns;
  /** Devices for which there is no place over Bluetooth, as was said. */
  readonly #turnedAway = new Set<EntityId>();
  /** Links on which the peer has said something. */
  readonly #spoken = new WeakSet<PeerLink>();
  readonly #confirming = new Set<EntityId>();
  #pairingOpen = false;
  #stopped = false;

  constructor(options: PeersOptions) {
    this.#options = options;
    const { self, provider, clock, entropy, logger, state, limits, technologies, happened, handler } = options;
    this.#links = new Links({
      self,
      provider,
      clock,
      entropy,
      logger,
      state,
      limits,
      handler: {
        familiar: (link) => technologies.find(({ type }) => type === link.technology)?.proven(link),
        up: (link, peer, before) => {
          const text = before === undefined ? `Linked with ${peer}.` : `Linked with ${peer} over ${technologyName(link.technology)} now.`;
          happened({ type: 'link-up', peer, technology: link.technology, text });
          this.#turns.back(peer);
          this.#turnedAway.delete(peer);
          void this.#advertising.tell(link);
          handler.up(link, before);
          this.#sayWhoIsTurnedAway();
        },
        doubted: () => this.neighbourhood.dialWanted(),
        ended: (link) => {
          handler.ended(link);
          if (!this.#stopped) this.neighbourhood.refresh();
        },
        down: (link, peer, reason) => this.#down(link, peer, reason),
        message: (link, envelope, hop) => this.#message(link, envelope, hop),
        pairing: (link, envelope) => this.pairing.accepted(link, envelope),
        provisionalProven: (link) => this.pairing.linkProven(link),
        farewell: (link) => {
          const over = this.pairings.isOver(link);
          if (over) void this.pairings.farewell(link);
          return over;
        },
        provisional: () => this.pairing.provisional(),
      },
    });
    const settling = new Serial<EntityId>();
    this.#advertising = new AdvertisingKeys({ state, clock, entropy, logger, settling, changed: () => this.#keysChanged() });
    this.pairings = new Pairings({
      state,
      logger,
      limits,
      settling,
      advertising: this.#advertising,
      links: () => this.linked.flatMap((id) => this.linkTo(id) ?? []),
      retire: (peer) => this.#links.retire(peer),
      happened,
      changed: () => this.#keysChanged(),
      ended: (peer, byPeer) => handler.unpaired(peer, byPeer),
    });
    this.neighbourhood = new Neighbourhood({
      self,
      clock,
      entropy,
      logger,
      technologies,
      maxSighted: limits.mdnsNames,
      isPaired: (id) => this.pairings.has(id),
      wanted: (id, technology) => this.#wanted(id, technology),
      dialsFirst: (id, technology) => dialsFirst(technology, options.mode(), self < id),
      isLinked: (id) => this.linkTo(id) !== undefined,
      handler: {
        linked: (link, expected) => this.#linked(link, expected),
        changed: (id, sighting) => {
          const text = sighting ? `${id} is near.` : `${id} is not near any more.`;
          happened({ type: sighting ? 'peer-sighted' : 'peer-lost', peer: id, text });
          if (sighting === undefined) return this.#turns.lost(id);
          this.#sayWhoIsTurnedAway();
          this.pairing.sighted(sighting);
        },
      },
    });
    this.#turns = new BleTurns({
      clock,
      mode: () => options.mode(),
      modeOf: (peer) => options.modeOf(peer),
      gateway: () => options.gateway(),
      sharesPn: (peer) => state.sharesPn(peer),
      isLinked: (peer) => this.linkTo(peer) !== undefined,
      isPairing: () => this.#pairingOpen,
      missed: (peer) => handler.missed(peer),
    });
    this.pairing = new PairingService(
      { self, provider, clock, entropy, logger, limits },
      {
        isPaired: (id) => this.pairings.isPaired(id),
        windowChanged: (open) => {
          this.#pairingOpen = open;
          this.announce();
        },
        sightings: () => [...this.neighbourhood.sightings.values()].flatMap((known) => [...known.values()]),
        dial: (peer, addresses, signal) => this.#dialForPairing(peer, addresses, signal),
        keep: ({ peer, kPair }, addresses) => this.pairings.begin(peer, kPair.reveal(), addresses),
        giveUp: (peer) => this.pairings.giveUp(peer),
        proven: (link) => {
          this.#links.proven(link);
          if (this.#spoken.has(link)) this.#confirm(link);
        },
      },
    );
  }

  /** @throws CpnsError why the first PAN technology cannot start, when none can */
  async start(): Promise<void> {
    const { technologies, logger, clock } = this.#options;
    if (technologies.some(({ type }) => type === 'ble')) {
      every(clock, REVIEW_EVERY_MS, () => this.#reviewBluetooth());
      await this.#advertising
        .make()
        .catch((error) =>
          logger.warn('there is no key for Bluetooth hints: paired devices may not find this one', { why: describeError(error) }),
        );
    }
    this.announce();
    this.#giveUpLater();
    await this.neighbourhood.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.pairing.stop();
    this.#links.closeAll('the agent is stopping');
    await this.neighbourhood.stop();
  }

  /** Its link is being made anew in the other direction. */
  isAwaited(id: EntityId): boolean {
    return this.#turns.isAwaited(id);
  }
  /** Waits until that is done, or has failed. @throws CpnsError the reason of `signal` */
  settled(id: EntityId, signal: AbortSignal): Promise<void> {
    return abortable(this.#turns.settled(id), signal);
  }
  linkTo(id: EntityId): PeerLink | undefined {
    return this.#links.get(id);
  }
  /** Ends the PAN session of a PN on every link with that device: the two may use different ones for a while. */
  endPans(id: EntityId, pnId: PnId): void {
    for (const link of [this.#links.get(id), this.#links.spare(id)]) link?.removePan(pnId);
  }
  /** Peers with a proven link. */
  get linked(): readonly EntityId[] {
    return this.#links.peers();
  }

  /** Tells everybody around what this device is now. */
  announce(): void {
    for (const technology of this.#options.technologies) this.#announceBy(technology);
  }

  /** This device has another role: it tells, and dials whom it did not before. */
  roleChanged(): void {
    this.announce();
    if (!this.#stopped) this.neighbourhood.dialWanted();
  }

  /** Over Bluetooth alone an announcement rests on keys. */
  #keysChanged(): void {
    if (this.#stopped) return;
    for (const technology of this.#options.technologies) if (technology.type === 'ble') this.#announceBy(technology);
    for (const id of this.linked) {
      const link = this.linkTo(id);
      if (link !== undefined) void this.#advertising.tell(link);
    }
  }

  #announceBy(technology: PanTechnology): void {
    technology.announce({ mode: this.#options.mode(), pairing: this.#pairingOpen });
  }

  #down(link: PeerLink, peer: EntityId, reason: string): void {
    const { happened, handler } = this.#options;
    if (this.#stopped) return;
    happened({ type: 'link-down', peer, technology: link.technology, text: `The link with ${peer} is gone: ${reason}.` });
    const comesBack = this.pairings.has(peer) && this.#turns.ended(link, peer);
    if (!comesBack) handler.down(link);
    this.neighbourhood.dialWanted();
  }

  /** A better link than there is, or a worse one while that is in doubt; each device in its part (protocol 0.22, 0.26). */
  #wanted(id: EntityId, technology: LinkType): boolean {
    if (!this.pairings.has(id) || !mayDial(technology, this.#options.mode())) return false;
    // An adapter that is connected to cannot connect to others.
    if (technology === 'ble' && (!this.#links.hasBleRoom || this.#links.servesOverBle)) return false;
    // It has given its links up to be paired with somebody, and is left alone until then.
    const sighting = this.neighbourhood.sightings.get(id)?.get(technology);
    if (technology === 'ble' && !this.#pairingOpen && sighting?.pairing) return false;
    const inUse = this.#links.get(id);
    if (inUse === undefined) return technology !== 'ble' || this.#turns.mayCall(id, sighting?.mode);
    if (inUse.technology === technology || this.#links.spare(id)?.technology === technology) return false;
    return isBetter(technology, inUse.technology) || inUse.isDoubtful;
  }

  #reviewBluetooth(): void {
    this.#turns.review(this.linked.flatMap((id) => [this.#links.get(id), this.#links.spare(id)].filter((link) => link !== undefined)));
    // A PNE that was left to its PN GW may be called now.
    this.neighbourhood.dialWanted();
  }

  /** Once for each device that has no place here. */
  #sayWhoIsTurnedAway(): void {
    const linked = this.linked.filter((id) => this.linkTo(id)?.technology === 'ble');
    if (linked.length < MAX_BLE_LINKS) return;
    for (const [id, ways] of this.neighbourhood.sightings) {
      if (!ways.has('ble') || this.linkTo(id) !== undefined || !this.pairings.has(id) || this.#turnedAway.has(id)) continue;
      this.#turnedAway.add(id);
      this.#options.happened({ type: 'problem', text: `${id} is near over Bluetooth, but ${NO_BLE_ROOM}` });
    }
  }

  #message(link: PeerLink, envelope: Envelope, hop: Hop): void {
    const { handler, logger } = this.#options;
    const peer = link.peer as EntityId;
    if (envelope.number === unpair.number) {
      link.exchange
        .serve(envelope, hop, () => this.pairings.endedByPeer(peer))
        .then(() => link.close('the devices are not paired any more'))
        .catch((error) => logger.warn('a pairing could not be removed', { peer, why: describeError(error) }));
      return;
    }
    if (this.pairings.isOver(link)) return;
    this.#spoken.add(link);
    this.#confirm(link);
    if (envelope.number !== advertisingKey.number) return handler.message(link, envelope, hop);
    link.exchange
      .serve(envelope, hop, () => this.#advertising.heard(link, envelope))
      .catch((error) => logger.info('an advertising key was refused', { peer, why: describeError(error) }));
  }

  /** The peer has stored the pairing, or it would not talk: it stands. */
  #confirm(link: PeerLink): void {
    const peer = link.peer as EntityId;
    if (this.#confirming.has(peer) || !this.pairings.isConfirmedBy(link)) return;
    this.#confirming.add(peer);
    this.pairings
      .confirm(peer)
      .then(
        () => this.pairing.confirmed(peer),
        (error) => this.pairing.notConfirmed(peer, error),
      )
      .finally(() => this.#confirming.delete(peer));
  }

  /** A pairing that a restart has interrupted is confirmed soon, or was never kept by the other device. */
  #giveUpLater(): void {
    const { state, clock, limits } = this.#options;
    for (const [peer, { kPair }] of state.pairings('new')) {
      const begun = toHex(kPair);
      clock.after(limits.pairingWindowMs, () => {
        const now = state.pairing(peer, 'new');
        if (!this.#stopped && now !== undefined && toHex(now.kPair) === begun) void this.pairings.giveUp(peer);
      });
    }
  }

  async #linked(raw: Link, expected: EntityId | undefined): Promise<boolean> {
    const link = this.#links.adopt(raw);
    return link !== undefined && expected !== undefined && (await this.#links.prove(link, expected));
  }

  async #dialForPairing(peer: EntityId, addresses: readonly string[] | undefined, signal: AbortSignal): Promise<PeerLink> {
    const { technologies } = this.neighbourhood;
    const technology = technologies.find((candidate) => addresses?.some((address) => candidate.canDial(address))) ?? technologies[0];
    if (technology === undefined) throw new CpnsError('State', 'NoPan', 'No PAN technology is on: see "cpns-agent doctor".');
    const raw = await (addresses === undefined
      ? this.neighbourhood.reach(peer, signal)
      : this.neighbourhood.dial(technology, addresses, signal));
    const crowded = raw.technology === 'ble' && !this.#links.hasBleRoom;
    const link = this.#links.adopt(raw);
    if (link !== undefined) return link;
    if (crowded) throw new CpnsError('State', 'TooManyBleLinks', `Over Bluetooth ${NO_BLE_ROOM}`);
    throw new CpnsError('State', 'TooManyLinks', 'This device has as many links as it may: unpair one, or raise limits.links.');
  }
}
