import { type Clock, type EntityId, formatHostPort, type Logger } from '@cpns/shared';
import type { Sighting } from '../../entity/pan-technology.js';
import { askIntroduction, type Introduction } from './introduction.js';
import { parsePeerAddress } from './peer-address.js';

export interface ManualPeersOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `HOST:PORT`, `[IPv6]:PORT`. */
  readonly addresses: readonly string[];
  /** Time between two visits. Default: 10,000 ms. */
  readonly pollMs?: number;
  readonly sighted: (sighting: Sighting) => void;
  readonly lost: (id: EntityId) => void;
}

/** Silent for so many visits: lost. */
const MISSES_UNTIL_LOST = 3;
/** Whoever does not answer is visited again after so long, then after twice that, up to the usual time. */
const FIRST_RETRY_MS = 1_000;
const SHORTEST_GAP_MS = 1_000;

interface Peer {
  id: EntityId | undefined;
  misses: number;
  visitedMs: number;
  /** Calls the next visit off. */
  cancel: () => void;
}

/** Devices that a person named by address, because no multicast reaches them: asks each of them who it is, now and then. */
export class ManualPeers {
  readonly #options: ManualPeersOptions;
  readonly #peers = new Map<string, Peer>();

  /** @throws CpnsError Config/BadAddress */
  constructor(options: ManualPeersOptions) {
    this.#options = options;
    for (const address of options.addresses) this.add(address);
  }

  /** One more, visited from the next {@link refresh} on. @throws CpnsError Config/BadAddress */
  add(address: string): void {
    const { host, port } = parsePeerAddress(address);
    const text = formatHostPort(host, port);
    if (this.#peers.has(text)) return;
    this.#peers.set(text, { id: undefined, misses: 0, visitedMs: Number.NEGATIVE_INFINITY, cancel: () => {} });
  }

  /** Visits everybody now who was not visited a moment ago. */
  refresh(): void {
    for (const [address, peer] of this.#peers) {
      if (this.#options.clock.monotonicMs() - peer.visitedMs >= SHORTEST_GAP_MS) void this.#visit(address, peer);
    }
  }

  stop(): void {
    for (const peer of this.#peers.values()) peer.cancel();
    this.#peers.clear();
  }

  async #visit(address: string, peer: Peer): Promise<void> {
    const { clock, pollMs = 10_000 } = this.#options;
    peer.visitedMs = clock.monotonicMs();
    const introduction = await askIntroduction(address, clock).catch(() => undefined);
    if (this.#peers.get(address) !== peer) return;
    if (introduction === undefined) this.#missed(address, peer);
    else this.#met(peer, introduction);
    peer.cancel();
    const pauseMs = peer.misses === 0 ? pollMs : Math.min(pollMs, FIRST_RETRY_MS * 2 ** (peer.misses - 1));
    peer.cancel = clock.after(pauseMs, () => void this.#visit(address, peer));
  }

  #met(peer: Peer, introduction: Introduction): void {
    const before = peer.id;
    peer.misses = 0;
    peer.id = introduction.id;
    if (before !== undefined && before !== introduction.id) this.#left(before);
    this.#options.sighted({ ...introduction, technology: 'lan', addresses: this.#addressesOf(introduction.id) });
  }

  #missed(address: string, peer: Peer): void {
    const { id } = peer;
    peer.misses++;
    this.#options.logger.debug('a device named by address did not answer', { address, misses: peer.misses });
    if (peer.misses < MISSES_UNTIL_LOST || id === undefined) return;
    peer.id = undefined;
    this.#left(id);
  }

  /** It may still be at another of its addresses. */
  #left(id: EntityId): void {
    if (this.#addressesOf(id).length === 0) this.#options.lost(id);
  }

  #addressesOf(id: EntityId): string[] {
    return [...this.#peers].flatMap(([address, peer]) => (peer.id === id ? [address] : []));
  }
}
