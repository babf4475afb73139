import { type Clock, type CryptoProvider, describeError, type EntityId, type Entropy, type Link, type Logger } from '@cpns/shared';
import { type Envelope, link1, link3, pairing1, pairing3, pairing4, refusal, Status } from '@cpns/shared/messages';
import { MAX_PAIRED_KEYS, type PairedPeer, Secret } from '@cpns/shared/security';
import type { DeviceLimits } from './device-context.js';
import type { DeviceState } from './device-state.js';
import { LinkSessionAcceptor, openLinkSession } from './link-session.js';
import { MAX_BLE_LINKS } from './pan-preference.js';
import { CLEAR, type Hop, PeerLink } from './peer-link.js';
import { PeerPaths } from './peer-paths.js';

const PAIRING_MESSAGES: ReadonlySet<number> = new Set([pairing1.number, pairing3.number, pairing4.number]);

export interface LinksHandler {
  /** Who is at the other end is a stranger no more. */
  familiar(link: Link): void;
  /** A proven link to a peer is the one to use from now on. `before`: in place of this one, which may still be open. */
  up(link: PeerLink, peer: EntityId, before: PeerLink | undefined): void;
  /** The link in use is silent, and may be lost soon. */
  doubted(peer: EntityId): void;
  /** A proven link has ended, perhaps because another one to the same peer took its place. */
  ended(link: PeerLink): void;
  /** After {@link ended}: there is no link to that peer any more. */
  down(link: PeerLink, peer: EntityId, reason: string): void;
  message(link: PeerLink, envelope: Envelope, hop: Hop): void;
  /** A pairing message in clear on a link that somebody opened to us. */
  pairing(link: PeerLink, envelope: Envelope): void;
  /** A link was proven under a provisional K_pair. True: it is taken care of. */
  provisionalProven(link: PeerLink): boolean;
  /** A link was proven under the K_pair of a pairing that is over. True: it is taken care of. */
  farewell(link: PeerLink): boolean;
  /** Provisional K_pairs of a pairing under way. */
  provisional(): readonly PairedPeer[];
}

export interface LinksOptions {
  readonly self: EntityId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly state: DeviceState;
  readonly limits: DeviceLimits;
  readonly handler: LinksHandler;
}

/** All links of a device: proves who is at the other end, has one in use per peer, and tells when they come and go. */
export class Links {
  readonly #options: LinksOptions;
  readonly #all = new Set<PeerLink>();
  readonly #paths: PeerPaths;
  /** How often links could not be proven: with two keys for a peer, each gets its turn. */
  readonly #failures = new Map<EntityId, number>();
  readonly #acceptors = new WeakMap<PeerLink, LinkSessionAcceptor>();

  constructor(options: LinksOptions) {
    this.#options = options;
    const { self, clock, handler } = options;
    this.#paths = new PeerPaths({ self, clock, inUse: (link, peer, before) => handler.up(link, peer, before) });
  }

  /** The link to use. */
  get(peer: EntityId): PeerLink | undefined {
    return this.#paths.inUse(peer);
  }
  /** A link over another technology beside it. */
  spare(peer: EntityId): PeerLink | undefined {
    return this.#paths.spare(peer);
  }
  /** Peers with a proven link. */
  peers(): EntityId[] {
    return this.#paths.peers();
  }
  /** Over Bluetooth there is a place for one more that this device opens. */
  get hasBleRoom(): boolean {
    return [...this.#all].filter(({ technology, initiated }) => technology === 'ble' && initiated).length < MAX_BLE_LINKS;
  }
  /** Somebody has connected to this device over Bluetooth. */
  get servesOverBle(): boolean {
    return [...this.#all].some(({ technology, initiated, peer }) => technology === 'ble' && !initiated && peer !== undefined);
  }

  /** Takes a raw link over and listens on it. Undefined: there are too many already, and it was closed. */
  adopt(link: Link): PeerLink | undefined {
    const { self, provider, clock, entropy, logger, limits } = this.#options;
    if (!this.#hasRoom(link)) {
      link.close('this device has as many links as it may');
      return undefined;
    }
    const peerLink = new PeerLink({
      link,
      self,
      provider,
      clock,
      entropy,
      logger,
      limits,
      handler: {
        clear: (from, envelope) => this.#clear(from, envelope),
        doubted: (from) => {
          if (from.peer !== undefined && this.#paths.inUse(from.peer) === from) this.#options.handler.doubted(from.peer);
        },
        familiar: (raw) => this.#options.handler.familiar(raw),
        message: (from, envelope, hop) => this.#options.handler.message(from, envelope, hop),
        closed: (from, reason) => this.#closed(from, reason),
      },
    });
    this.#all.add(peerLink);
    peerLink.open();
    return peerLink;
  }

  /** Proves a link that we opened to a paired device. False: it could not be proven, and was closed. */
  async prove(link: PeerLink, peer: EntityId): Promise<boolean> {
    const { state } = this.#options;
    const failures = this.#failures.get(peer) ?? 0;
    const records = [state.pairing(peer, 'new'), state.pairing(peer)].filter((known) => known !== undefined);
    const record = records[failures % records.length];
    if (record === undefined) {
      link.close('the device is not paired any more');
      return false;
    }
    const kPair = new Secret(`K_pair ${peer}`, record.kPair);
    try {
      await openLinkSession(this.#options, link, { id: peer, kPair });
      this.#failures.delete(peer);
      this.proven(link);
      return true;
    } catch (error) {
      this.#failures.set(peer, failures + 1);
      this.#options.logger.info('a link could not be proven', { peer, why: describeError(error) });
      link.close('the other device did not prove who it is');
      return false;
    } finally {
      kPair.erase();
    }
  }

  /** A link whose session stands. */
  proven(link: PeerLink): void {
    if (link.peer === undefined || link.signal.aborted || this.#options.handler.farewell(link)) return;
    this.#paths.add(link);
  }

  /** Takes the link to a peer out of use: it is no link of that peer any more, and stays open. */
  retire(peer: EntityId): PeerLink | undefined {
    const reason = 'the devices are not paired any more';
    const link = this.#paths.forget(peer, reason);
    if (link === undefined) return undefined;
    this.#options.handler.ended(link);
    this.#options.handler.down(link, peer, reason);
    return link;
  }

  /** Others may hold half of the places without a proof, and lose them to links that this device opens itself. */
  #hasRoom({ initiated, technology }: Link): boolean {
    const { links } = this.#options.limits;
    if (technology === 'ble' && initiated && !this.hasBleRoom) return false;
    const unproven = [...this.#all].filter((link) => !link.initiated && link.peer === undefined);
    if (!initiated) return this.#all.size < links && unproven.length < Math.ceil(links / 2);
    if (this.#all.size >= links) unproven[0]?.close('the place is needed');
    return this.#all.size < links;
  }

  closeAll(reason: string): void {
    for (const link of [...this.#all]) link.close(reason);
  }

  #clear(link: PeerLink, envelope: Envelope): void {
    try {
      if (PAIRING_MESSAGES.has(envelope.number) && !link.initiated) return this.#options.handler.pairing(link, envelope);
      if (envelope.number === link1.number && !link.initiated) return this.#answer(link, envelope);
      if (envelope.number !== link3.number || link.initiated) return;
      if (this.#acceptors.get(link)?.finish(envelope) && !this.#options.handler.provisionalProven(link)) this.proven(link);
    } catch (error) {
      this.#options.logger.info('a handshake was refused', { remote: link.remote, why: describeError(error) });
      if (envelope.type?.kind === 'request') link.exchange.notify(refusal, { status: Status.AuthFailed }, CLEAR, envelope.transaction);
      link.close('the handshake failed');
    }
  }

  #answer(link: PeerLink, envelope: Envelope): void {
    const provisional = this.#options.handler.provisional();
    const { state } = this.#options;
    const known = [...state.pairings('new'), ...state.pairings(), ...state.pairings('ended')];
    const paired = known
      .slice(0, MAX_PAIRED_KEYS - provisional.length)
      .map(([id, { kPair }]) => ({ id, kPair: new Secret(`K_pair ${id}`, kPair) }));
    const acceptor = this.#acceptors.get(link) ?? new LinkSessionAcceptor(this.#options, link);
    this.#acceptors.set(link, acceptor);
    acceptor.answer(envelope, provisional, paired);
  }

  #closed(link: PeerLink, reason: string): void {
    this.#all.delete(link);
    this.#acceptors.get(link)?.abort();
    const peer = link.peer;
    if (peer === undefined) return;
    const { last, next } = this.#paths.remove(link);
    this.#options.handler.ended(link);
    if (next !== undefined) this.#options.handler.up(next, peer, link);
    if (last) this.#options.handler.down(link, peer, reason);
  }
}
