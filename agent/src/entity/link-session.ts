import type { Clock, CryptoProvider, EntityId, Entropy } from '@cpns/shared';
import { bodyOf, type Envelope, link1, link2, link3 } from '@cpns/shared/messages';
import { LinkInitiator, LinkResponder, type PairedPeer } from '@cpns/shared/security';
import { CLEAR, type PeerLink } from './peer-link.js';

/** A link session handshake that was not answered by then has failed. */
const HANDSHAKE_TIMEOUT_MS = 5_000;

/** What both sides of the handshake need. */
export interface LinkSessionContext {
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly self: EntityId;
}

/** I: the side that opened the link proves itself and the peer (security 1.9, Link 1 to 3). @throws CpnsError Auth/LinkRefused, Timeout */
export async function openLinkSession(context: LinkSessionContext, link: PeerLink, peer: PairedPeer): Promise<void> {
  const { provider, clock, entropy, self } = context;
  const run = new LinkInitiator({ provider, clock, entropy, ownId: self, linkType: link.technology, peer });
  try {
    const answer = await link.exchange.request(link1, run.start(), [link2], CLEAR, {
      timeoutMs: HANDSHAKE_TIMEOUT_MS,
      signal: link.signal,
    });
    const { message, session } = run.verify(answer.body);
    link.exchange.notify(link3, message, CLEAR);
    link.prove(session);
  } catch (error) {
    run.abort();
    throw error;
  }
}

/** R: the side that accepted the link. One run at a time on a link; a new Link 1 replaces it. */
export class LinkSessionAcceptor {
  readonly #context: LinkSessionContext;
  readonly #link: PeerLink;
  #run: LinkResponder | undefined;
  #paired: readonly PairedPeer[] = [];

  constructor(context: LinkSessionContext, link: PeerLink) {
    this.#context = context;
    this.#link = link;
  }

  /** Link 1. `provisional` K_pairs stay with the caller, those of `paired` are erased here. @throws CpnsError Auth/LinkRefused */
  answer(envelope: Envelope, provisional: readonly PairedPeer[], paired: readonly PairedPeer[]): void {
    const { provider, clock, entropy, self } = this.#context;
    this.abort();
    this.#paired = paired;
    const peers = [...provisional, ...paired];
    this.#run = new LinkResponder({ provider, clock, entropy, ownId: self, linkType: this.#link.technology, peers });
    this.#link.exchange.notify(link2, this.#run.answer(bodyOf(envelope, link1)), CLEAR, envelope.transaction);
  }

  /** Link 3: true when the peer is proven. @throws CpnsError Auth/LinkRefused */
  finish(envelope: Envelope): boolean {
    if (this.#run === undefined) return false;
    try {
      this.#link.prove(this.#run.verify(bodyOf(envelope, link3)));
      return true;
    } finally {
      this.abort();
    }
  }

  abort(): void {
    this.#run?.abort();
    this.#run = undefined;
    for (const { kPair } of this.#paired) kPair.erase();
    this.#paired = [];
  }
}
