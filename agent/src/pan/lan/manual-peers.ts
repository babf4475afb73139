import { type Clock, type EntityId, formatHostPort, type Logger } from '@cpns/shared';
import type { Sighting } from '../../entity/pan-technology.js';
import { askIntroduction } from './introduction.js';
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
const SHORTEST_GAP_MS = 1_000;

interface Peer {
  id: EntityId | undefined;
  misses: number;
  visitedMs: number;
}

/** Devices that a person named by address, because no multicast reaches them: asks each of them who it is, now and then. */
export class ManualPeers {
  readonly #options: ManualPeersOptions;
  readonly #peers = new Map<string, Peer>();
  #cancel: (() => void) | undefined;

  /** @throws CpnsError Config/BadAddress */
  constructor(options: ManualPeersOptions) {
    this.#options = options;
    for (const address of options.addresses) this.add(address);
  }

  /** One more, visited with the next round. @throws CpnsError Config/BadAddress */
  add(address: string): void {
    const { host, port } = parsePeerAddress(address);
    const text = formatHostPort(host, port);
    if (!this.#peers.has(text)) this.#peers.set(text, { id: undefined, misses: 0, visitedMs: Number.NEGATIVE_INFINITY });
  }

  start(): void {
    this.refresh();
    this.#cancel = this.#options.clock.after(this.#options.pollMs ?? 10_000, () => this.start());
  }

  /** Visits everybody now who was not visited a moment ago. */
  refresh(): void {
    for (const [address, peer] of this.#peers) {
      const nowMs = this.#options.clock.monotonicMs();
      if (nowMs - peer.visitedMs < SHORTEST_GAP_MS) continue;
      peer.visitedMs = nowMs;
      void this.#visit(address, peer);
    }
  }

  stop(): void {
    this.#cancel?.();
    this.#peers.clear();
  }

  async #visit(address: string, peer: Peer): Promise<void> {
    const introduction = await askIntroduction(address, this.#options.clock).catch(() => undefined);
    if (this.#peers.get(address) !== peer) return;
    if (introduction === undefined) return this.#missed(address, peer);
    peer.misses = 0;
    if (peer.id !== undefined && peer.id !== introduction.id) this.#options.lost(peer.id);
    peer.id = introduction.id;
    this.#options.sighted({ ...introduction, technology: 'lan', addresses: [address] });
  }

  #missed(address: string, peer: Peer): void {
    peer.misses++;
    this.#options.logger.debug('a device named by address did not answer', { address, misses: peer.misses });
    if (peer.misses < MISSES_UNTIL_LOST || peer.id === undefined) return;
    this.#options.lost(peer.id);
    peer.id = undefined;
  }
}
