import type { Clock, EntityId } from '@cpns/shared';
import { isBetter } from './pan-preference.js';
import type { PeerLink } from './peer-link.js';

/** A better link stands so long before it is used; twice as long for each time that one was lost lately. */
const STEADY_MS = 5_000;
const MOST_DOUBLINGS = 4;
const LATELY_MS = 300_000;
/** A worse link is kept so long after the better one was last in doubt. */
const SPARE_MS = 10_000;
const REVIEW_EVERY_MS = 1_000;

interface Paths {
  inUse: PeerLink;
  /** Over another technology. */
  spare: PeerLink | undefined;
  /** When there was last a reason to have the spare. */
  doubtedAtMs: number;
}

export interface PeerPathsOptions {
  readonly self: EntityId;
  readonly clock: Clock;
  /** That link is the one to its peer from now on; `before`: it takes the place of this one, which may still be open. */
  inUse(link: PeerLink, peer: EntityId, before: PeerLink | undefined): void;
}

/**
 * The proven links to each peer: one in use, and at times a spare one over another technology (protocol 0.22). A worse link is opened when
 * the one in use is in doubt, and takes over when that is lost; a better one takes over when it has stood for a while, and nothing is
 * under way on the other.
 */
export class PeerPaths {
  readonly #options: PeerPathsOptions;
  readonly #paths = new Map<EntityId, Paths>();
  /** Better links that were lost lately. */
  readonly #losses = new Map<EntityId, { readonly count: number; readonly atMs: number }>();

  constructor(options: PeerPathsOptions) {
    this.#options = options;
  }

  inUse(peer: EntityId): PeerLink | undefined {
    return this.#paths.get(peer)?.inUse;
  }
  spare(peer: EntityId): PeerLink | undefined {
    return this.#paths.get(peer)?.spare;
  }
  /** Peers with a link in use. */
  peers(): EntityId[] {
    return [...this.#paths.keys()];
  }

  /** A link whose session stands: of two over the same technology the one that the lower id dialled stays, of two of the same side the newer. */
  add(link: PeerLink): void {
    const peer = link.peer as EntityId;
    const paths = this.#paths.get(peer);
    const rival = [paths?.inUse, paths?.spare].find((one) => one?.technology === link.technology && one !== link && !one.signal.aborted);
    if (paths === undefined) {
      this.#paths.set(peer, { inUse: link, spare: undefined, doubtedAtMs: 0 });
      this.#options.inUse(link, peer, undefined);
    } else if (rival === undefined) {
      if (paths.inUse.signal.aborted) return this.#use(peer, paths, link);
      paths.spare?.close('a newer link to the same device stays');
      Object.assign(paths, { spare: link, doubtedAtMs: this.#nowMs });
      this.#reviewLater(peer, link);
    } else if (rival.initiated !== link.initiated && this.#dialledByLower(rival, peer)) {
      link.close('another link to the same device stays');
    } else if (rival === paths.spare) {
      paths.spare = link;
      rival.close('a newer link to the same device stays');
      this.#reviewLater(peer, link);
    } else {
      paths.inUse = link;
      rival.close('a newer link to the same device stays');
      this.#options.inUse(link, peer, rival);
    }
  }

  /** A link has ended. `next`: the one in its place; `last`: it was in use, and there is none. */
  remove(link: PeerLink): { readonly last: boolean; readonly next: PeerLink | undefined } {
    const peer = link.peer as EntityId;
    const paths = this.#paths.get(peer);
    if (paths?.spare === link) paths.spare = undefined;
    if (paths?.inUse !== link) return { last: false, next: undefined };
    if (link.technology !== 'ble') this.#losses.set(peer, { count: this.#lossesOf(peer) + 1, atMs: this.#nowMs });
    const next = paths.spare;
    if (next === undefined) this.#paths.delete(peer);
    else Object.assign(paths, { inUse: next, spare: undefined });
    return { last: next === undefined, next };
  }

  /** Forgets a peer; the link in use stays open. */
  forget(peer: EntityId, reason: string): PeerLink | undefined {
    const paths = this.#paths.get(peer);
    this.#paths.delete(peer);
    this.#losses.delete(peer);
    paths?.spare?.close(reason);
    return paths?.inUse;
  }

  get #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }

  #reviewLater(peer: EntityId, spare: PeerLink): void {
    this.#options.clock.after(REVIEW_EVERY_MS, () => {
      const paths = this.#paths.get(peer);
      if (paths?.spare !== spare) return;
      this.#review(peer, paths, spare);
      if (paths.spare === spare) this.#reviewLater(peer, spare);
    });
  }

  #review(peer: EntityId, paths: Paths, spare: PeerLink): void {
    const { inUse } = paths;
    if (isBetter(spare.technology, inUse.technology)) {
      const steady = !spare.isDoubtful && this.#nowMs - spare.provenAtMs >= STEADY_MS * 2 ** this.#lossesOf(peer);
      if (steady && inUse.exchange.isIdle) this.#use(peer, paths, spare);
      return;
    }
    if (inUse.isDoubtful || !spare.exchange.isIdle) paths.doubtedAtMs = this.#nowMs;
    if (this.#nowMs - paths.doubtedAtMs >= SPARE_MS) spare.close('the better link works');
  }

  #use(peer: EntityId, paths: Paths, link: PeerLink): void {
    const before = paths.inUse;
    const spare = before.signal.aborted ? undefined : before;
    Object.assign(paths, { inUse: link, spare, doubtedAtMs: this.#nowMs });
    this.#options.inUse(link, peer, before);
    if (spare !== undefined) this.#reviewLater(peer, spare);
  }

  #lossesOf(peer: EntityId): number {
    const losses = this.#losses.get(peer);
    if (losses === undefined || this.#nowMs - losses.atMs >= LATELY_MS) return 0;
    return Math.min(losses.count, MOST_DOUBLINGS);
  }

  #dialledByLower(link: PeerLink, peer: EntityId): boolean {
    return link.initiated === this.#options.self < peer;
  }
}
