import {
  type Clock,
  CpnsError,
  type CryptoProvider,
  describeError,
  type EntityId,
  type Entropy,
  type Link,
  type Logger,
  Serial,
} from '@cpns/shared';
import { advertisingKey, type Envelope, type Mode, unpair } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';
import { AdvertisingKeys } from './advertising-keys.js';
import type { DeviceLimits, Happening } from './device-context.js';
import type { DeviceState } from './device-state.js';
import { Links } from './links.js';
import { Neighbourhood } from './neighbourhood.js';
import { PairingService } from './pairing/pairing-service.js';
import { Pairings } from './pairings.js';
import type { PanTechnology } from './pan-technology.js';
import type { Hop, PeerLink } from './peer-link.js';

export interface PeersHandler {
  /** A proven link to a peer; the only one of its peer. */
  up(link: PeerLink): void;
  /** A link that was up has ended. */
  ended(link: PeerLink): void;
  /** After {@link ended}: there is no link to its peer any more. */
  down(link: PeerLink): void;
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
}

/** The devices around this one: who is near, who is paired, and who is linked. */
export class Peers {
  readonly neighbourhood: Neighbourhood;
  readonly pairing: PairingService;
  readonly pairings: Pairings;
  readonly #options: PeersOptions;
  readonly #links: Links;
  readonly #advertising: AdvertisingKeys;
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
        up: (link, peer) => {
          happened({ type: 'link-up', peer, technology: link.technology, text: `Linked with ${peer}.` });
          void this.#advertising.tell(link);
          handler.up(link);
        },
        ended: (link) => handler.ended(link),
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
      wanted: (id) => this.pairings.has(id) && this.linkTo(id) === undefined,
      handler: {
        linked: (link, expected) => this.#linked(link, expected),
        changed: (id, sighting) => {
          const text = sighting ? `${id} is near.` : `${id} is not near any more.`;
          happened({ type: sighting ? 'peer-sighted' : 'peer-lost', peer: id, text });
          if (sighting !== undefined) this.pairing.sighted(sighting);
        },
      },
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
    const { technologies, logger } = this.#options;
    if (technologies.some(({ type }) => type === 'ble')) {
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

  linkTo(id: EntityId): PeerLink | undefined {
    return this.#links.get(id);
  }
  /** Peers with a proven link. */
  get linked(): readonly EntityId[] {
    return this.#links.peers();
  }

  /** Tells everybody around what this device is now. */
  announce(): void {
    for (const technology of this.#options.technologies) this.#announceBy(technology);
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
    handler.down(link);
    this.neighbourhood.refresh(peer);
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
    const link = this.#links.adopt(raw);
    if (link !== undefined) return link;
    throw new CpnsError('State', 'TooManyLinks', 'This device has as many links as it may: unpair one, or raise limits.links.');
  }
}
