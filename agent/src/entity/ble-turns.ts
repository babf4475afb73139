import type { Clock, EntityId } from '@cpns/shared';
import { isGateway, Mode } from '@cpns/shared/messages';
import { runsWrongWay } from './pan-preference.js';
import type { PeerLink } from './peer-link.js';

/** What has just begun, capabilities and the assignment, comes to its end first. */
const SETTLED_MS = 2_000;
/** A PNE that waits for its PN GW does not hold its one place free of others sooner. */
const PLACE_TAKEN_MS = 10_000;
/** A PNE that is free waits for its PN GW: others call it after that, which is longer than a PN GW pauses between two calls. */
const LEFT_TO_GATEWAY_MS = 35_000;
/** A link that is made anew in the other direction is back by then, or lost. */
const BACK_WITHIN_MS = 15_000;
/** A device that did not come back keeps its link as it is for so long. */
const NOT_AGAIN_FOR_MS = 300_000;

interface Awaited {
  readonly cancelTimer: () => void;
  readonly settle: () => void;
  readonly over: Promise<void>;
}

export interface BleTurnsOptions {
  readonly clock: Clock;
  mode(): Mode;
  /** Mode of a linked peer, as it last said. */
  modeOf(peer: EntityId): Mode | undefined;
  /** The PN GW that this device uses. */
  gateway(): EntityId | undefined;
  /** One of the two is PN GW of a PN in which the other one is. */
  sharesPn(peer: EntityId): boolean;
  isLinked(peer: EntityId): boolean;
  /** The own pairing window is open. */
  isPairing(): boolean;
  /** A device did not come back. */
  missed(peer: EntityId): void;
}

/**
 * The direction of Bluetooth links (protocol 0.26). Who has no role yet connects or is connected to; a PN GW connects to its PNEs, of which
 * each serves one. So once roles are assigned a link may run the wrong way: the PN GW ends it and opens it anew, while both keep their
 * roles; links that are nobody's way to a PN GW are ended where they take the place of one that is, and a PNE that is free is left to its
 * own PN GW for a while. A device that is connected to can neither connect to others nor be found by them: while a person pairs it, it
 * gives that link up.
 */
export class BleTurns {
  readonly #options: BleTurnsOptions;
  readonly #awaited = new Map<EntityId, Awaited>();
  readonly #missedAtMs = new Map<EntityId, number>();
  /** PNEs of others that have had no link since then. */
  readonly #freeSinceMs = new Map<EntityId, number>();

  constructor(options: BleTurnsOptions) {
    this.#options = options;
  }

  /** Its link is being made anew: it counts as present, with what it last said. */
  isAwaited(peer: EntityId): boolean {
    return this.#awaited.has(peer);
  }

  /** Resolves when its link is back, or it is not awaited any more. */
  settled(peer: EntityId): Promise<void> {
    return this.#awaited.get(peer)?.over ?? Promise.resolve();
  }

  /** Whether this device may call a peer that it hears in that mode: a PNE is left to its own PN GW first. */
  mayCall(peer: EntityId, heard: Mode | undefined): boolean {
    const { clock, sharesPn } = this.#options;
    if (heard !== Mode.Pne || this.isAwaited(peer) || sharesPn(peer)) {
      this.#freeSinceMs.delete(peer);
      return true;
    }
    const sinceMs = this.#freeSinceMs.get(peer) ?? clock.monotonicMs();
    this.#freeSinceMs.set(peer, sinceMs);
    return clock.monotonicMs() - sinceMs >= LEFT_TO_GATEWAY_MS;
  }

  /** A peer is not heard any more: when it is again, its PN GW comes first again. */
  lost(peer: EntityId): void {
    this.#freeSinceMs.delete(peer);
  }

  /** Ends the links that are in the way, unless something is under way on them. */
  review(links: Iterable<PeerLink>): void {
    for (const link of links) {
      if (link.technology !== 'ble' || link.peer === undefined || !link.exchange.isIdle) continue;
      const reason = this.#reasonToEnd(link, link.peer, this.#options.clock.monotonicMs() - link.provenAtMs);
      if (reason !== undefined) link.close(reason);
    }
  }

  /** The last link to a peer has ended. True: it is about to be made anew. */
  ended(link: PeerLink, peer: EntityId): boolean {
    const { clock, missed } = this.#options;
    this.#freeSinceMs.delete(peer);
    if (!this.#isTurned(link, peer)) return false;
    this.back(peer);
    const cancelTimer = clock.after(BACK_WITHIN_MS, () => {
      this.#missedAtMs.set(peer, clock.monotonicMs());
      this.back(peer);
      missed(peer);
    });
    let settle = () => {};
    const over = new Promise<void>((resolve) => {
      settle = resolve;
    });
    this.#awaited.set(peer, { cancelTimer, settle, over });
    return true;
  }

  /** There is a link to that peer, or none is wanted any more. */
  back(peer: EntityId): void {
    const awaited = this.#awaited.get(peer);
    this.#awaited.delete(peer);
    awaited?.cancelTimer();
    awaited?.settle();
  }

  #isTurned(link: PeerLink, peer: EntityId): boolean {
    const { mode, modeOf, clock } = this.#options;
    const missedAtMs = this.#missedAtMs.get(peer);
    if (missedAtMs !== undefined && clock.monotonicMs() - missedAtMs < NOT_AGAIN_FOR_MS) return false;
    return runsWrongWay(link, mode(), modeOf(peer) ?? Mode.Unassigned);
  }

  #reasonToEnd(link: PeerLink, peer: EntityId, ageMs: number): string | undefined {
    const { mode, modeOf, gateway, sharesPn, isLinked, isPairing } = this.#options;
    const own = mode();
    const theirs = modeOf(peer);
    if (theirs === undefined || ageMs < SETTLED_MS) return undefined;
    if (!link.initiated && isPairing()) return 'its place is for the device that this one is being paired with';
    if (this.#isTurned(link, peer) && !link.initiated) return 'the PN GW opens it anew';
    if (own === Mode.PnGw && isGateway(theirs)) return 'over Bluetooth a PN GW has links with its PNEs alone';
    const used = gateway();
    if (own !== Mode.Pne || peer === used || sharesPn(peer)) return undefined;
    if (link.initiated) return 'over Bluetooth a PNE has a link with its PN GW alone';
    const awaitsGateway = used !== undefined && !isLinked(used) && ageMs >= PLACE_TAKEN_MS;
    return awaitsGateway ? 'its place is for the PN GW' : undefined;
  }
}
