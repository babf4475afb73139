import {
  type Clock,
  CpnsError,
  type CryptoProvider,
  describeError,
  type EntityId,
  type Entropy,
  Exchange,
  type Link,
  type Logger,
  type PnId,
  TokenBucket,
} from '@cpns/shared';
import {
  type AnyMessage,
  admissible,
  CLEAR_FRAME,
  clearFrame,
  type Direction,
  decodeEnvelope,
  type Envelope,
  MAX_PAN_ENVELOPE,
  pnData,
  refusal,
  relay,
  Status,
} from '@cpns/shared/messages';
import { INNER_TYPE, type LinkSession, type PairedPeer, RECORD_TYPE, type SecureChannel, toHex } from '@cpns/shared/security';
import type { DeviceLimits } from './device-context.js';

/** How an envelope travels between two devices. */
export type Hop = { readonly kind: 'clear' } | { readonly kind: 'link' } | { readonly kind: 'pan'; readonly pnId: PnId };
export const CLEAR: Hop = { kind: 'clear' };
export const LINK: Hop = { kind: 'link' };

/** Times of a link, in milliseconds (protocol 0.22). */
export interface LinkTimes {
  readonly pingEveryMs: number;
  readonly deadAfterMs: number;
  /** A link that answers a ping no faster than this is in doubt; absent where there is nothing worse to have in its place. */
  readonly doubtAfterMs?: number;
  /** A link must prove its peer within this time, unless a pairing is under way on it. */
  readonly proveWithinMs: number;
}
export const LINK_TIMES: Readonly<Record<Link['technology'], LinkTimes>> = {
  lan: { pingEveryMs: 2_000, deadAfterMs: 6_000, doubtAfterMs: 1_000, proveWithinMs: 10_000 },
  sim: { pingEveryMs: 2_000, deadAfterMs: 6_000, doubtAfterMs: 1_000, proveWithinMs: 10_000 },
  ble: { pingEveryMs: 5_000, deadAfterMs: 15_000, proveWithinMs: 3_000 },
};

export interface PeerLinkHandler {
  /** A handshake or pairing message in clear; only before the peer is proven. */
  clear(link: PeerLink, envelope: Envelope): void;
  /** The peer has proven itself, or a pairing with it is under way: it is a stranger no more. */
  familiar(link: Link): void;
  /** A request or notify of the proven peer that the catalogue allows on this hop. */
  message(link: PeerLink, envelope: Envelope, hop: Hop): void;
  /** The link has become {@link PeerLink.isDoubtful}. */
  doubted(link: PeerLink): void;
  /** Once, when the link is gone. */
  closed(link: PeerLink, reason: string): void;
}

export interface PeerLinkOptions {
  readonly link: Link;
  readonly self: EntityId;
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly logger: Logger;
  readonly handler: PeerLinkHandler;
  readonly times?: LinkTimes;
  readonly limits: Pick<
    DeviceLimits,
    'handshakesPerSecondPerLink' | 'handshakeBurstPerLink' | 'requestsPerSecondPerLink' | 'requestBurstPerLink'
  >;
}

/** Directions in which a proven peer may talk to this device. What it may do in each is decided by the roles. */
const FROM_PEER: readonly Direction[] = ['Peer>Peer', 'PNE>GW', 'GW>PNE'];
/** Application content is not padded; everything else is. */
const UNPADDED = new Set<number>([relay.number, pnData.number]);
/** Clear frames of one handshake at most: a whole pairing and the link session after it. */
const CLEAR_FRAMES_PER_HANDSHAKE = 8;

/**
 * A link to one device with everything that protects it: clear frames until the link session proves the peer, then its records, and
 * beside them the PAN sessions of the PNs that the two share. Whoever holds it talks through {@link PeerLink.exchange}.
 */
export class PeerLink {
  readonly exchange: Exchange<Hop>;
  readonly initiated: boolean;
  readonly remote: string;
  readonly technology: Link['technology'];
  readonly #options: PeerLinkOptions;
  readonly #link: Link;
  readonly #times: LinkTimes;
  readonly #unprovenFrames: TokenBucket;
  readonly #requests: TokenBucket;
  readonly #panBySid = new Map<string, { readonly channel: SecureChannel; readonly pnId: PnId }>();
  readonly #panByPn = new Map<PnId, SecureChannel>();
  readonly #closing = new AbortController();
  #session: LinkSession | undefined;
  #lastHeardMs: number;
  /** Since then a ping has no answer. */
  #pingedAtMs: number | undefined;
  #cancelTimer = () => {};
  #cancelDoubt = () => {};
  #provenAtMs = 0;
  #keyDigest: string | undefined;

  constructor(options: PeerLinkOptions) {
    const { link, clock, entropy, self, limits } = options;
    this.#options = options;
    this.#link = link;
    this.initiated = link.initiated;
    this.remote = link.remote;
    this.technology = link.technology;
    this.#times = options.times ?? LINK_TIMES[link.technology];
    this.#requests = new TokenBucket(clock, limits.requestsPerSecondPerLink, limits.requestBurstPerLink);
    this.#unprovenFrames = new TokenBucket(
      clock,
      limits.handshakesPerSecondPerLink * CLEAR_FRAMES_PER_HANDSHAKE,
      limits.handshakeBurstPerLink * CLEAR_FRAMES_PER_HANDSHAKE,
    );
    this.#lastHeardMs = clock.monotonicMs();
    this.exchange = new Exchange<Hop>({ clock, entropy, self, transmit: (octets, hop, type) => this.#transmit(octets, hop, type) });
  }

  /** Begins to listen. */
  open(): void {
    this.#cancelTimer = this.#options.clock.after(this.#times.proveWithinMs, () => this.close('the other device did not prove who it is'));
    this.#link.open({
      frame: (octets) => this.#frame(octets),
      heard: () => this.#heard(),
      closed: (reason) => this.#ended(reason),
    });
  }

  /** The proven peer. */
  get peer(): EntityId | undefined {
    return this.#session?.peer.id;
  }
  /** The pairing under which it was proven. */
  get pairedPeer(): PairedPeer | undefined {
    return this.#session?.peer;
  }
  /** The link was proven under that K_pair. The key itself may be erased by now. */
  isProvenUnder(kPair: Uint8Array): boolean {
    return this.#keyDigest === this.#digestOf(kPair);
  }
  /** Monotonic time of the proof. */
  get provenAtMs(): number {
    return this.#provenAtMs;
  }
  /** Silent for longer than a link that works would be: it may be lost. */
  get isDoubtful(): boolean {
    const { doubtAfterMs } = this.#times;
    if (doubtAfterMs === undefined || this.#pingedAtMs === undefined) return false;
    return this.#options.clock.monotonicMs() - this.#pingedAtMs >= doubtAfterMs;
  }
  /** Fires when the link is gone; a CpnsError is its reason. */
  get signal(): AbortSignal {
    return this.#closing.signal;
  }

  /** The peer is proven: from here on only records count. The link owns the session from now on. */
  prove(session: LinkSession): void {
    if (this.#closing.signal.aborted) return session.channel.erase();
    this.#session = session;
    this.#keyDigest = this.#digestOf(session.peer.kPair.reveal());
    this.#provenAtMs = this.#options.clock.monotonicMs();
    this.#lastHeardMs = this.#provenAtMs;
    this.#cancelTimer();
    this.#options.handler.familiar(this.#link);
    this.#keepAlive();
  }

  /** A pairing waits for people: the link may stay unproven for `ms` more. */
  allowUnproven(ms: number): void {
    if (this.#session !== undefined) return;
    this.#cancelTimer();
    this.#cancelTimer = this.#options.clock.after(ms, () => this.close('the pairing took too long'));
    this.#options.handler.familiar(this.#link);
  }

  /** Adds a PAN session; this side sends in it alone from now on. The one before is read until the peer has sent in the new one. */
  addPan(pnId: PnId, channel: SecureChannel): void {
    this.#dropPans(pnId, this.#panByPn.get(pnId));
    this.#panBySid.set(toHex(channel.sid), { channel, pnId });
    this.#panByPn.set(pnId, channel);
  }
  removePan(pnId: PnId): void {
    this.#dropPans(pnId, undefined);
    this.#panByPn.delete(pnId);
  }
  hasPan(pnId: PnId): boolean {
    return this.#panByPn.has(pnId);
  }
  /** The way for messages of a PN: its PAN session, or the link session where the hop is allowed to do without. */
  hopOf(pnId: PnId): Hop {
    return this.#panByPn.has(pnId) ? { kind: 'pan', pnId } : LINK;
  }

  close(reason: string): void {
    if (this.#closing.signal.aborted) return;
    this.#link.close(reason);
    this.#ended(reason);
  }

  #heard(): void {
    this.#lastHeardMs = this.#options.clock.monotonicMs();
    this.#pingedAtMs = undefined;
  }

  #digestOf(kPair: Uint8Array): string {
    return toHex(this.#options.provider.sha256(kPair));
  }

  #dropPans(pnId: PnId, kept: SecureChannel | undefined): void {
    for (const [sid, entry] of this.#panBySid) {
      if (entry.pnId !== pnId || entry.channel === kept) continue;
      entry.channel.erase();
      this.#panBySid.delete(sid);
    }
  }

  #ended(reason: string): void {
    if (this.#closing.signal.aborted) return;
    const gone = new CpnsError('Transport', 'LinkLost', `The link to ${this.peer ?? this.remote} was lost: ${reason}.`);
    this.#cancelTimer();
    this.#cancelDoubt();
    this.#closing.abort(gone);
    this.exchange.close(gone);
    this.#session?.channel.erase();
    for (const { channel } of this.#panBySid.values()) channel.erase();
    this.#panBySid.clear();
    this.#panByPn.clear();
    this.#options.handler.closed(this, reason);
  }

  #keepAlive(): void {
    const { clock } = this.#options;
    const { pingEveryMs, deadAfterMs } = this.#times;
    const deadInMs = Math.max(1, this.#lastHeardMs + deadAfterMs - clock.monotonicMs());
    this.#cancelTimer = clock.after(Math.min(pingEveryMs, deadInMs), () => {
      const session = this.#session;
      if (session === undefined || this.#closing.signal.aborted) return;
      if (clock.monotonicMs() - this.#lastHeardMs >= deadAfterMs) return this.close('nothing was heard from it any more');
      const worn = session.channel.mustRehandshake || [...this.#panByPn.values()].some((channel) => channel.mustRehandshake);
      if (worn) return this.close('its keys are due for renewal');
      this.#link.send(session.channel.seal(INNER_TYPE.ping, new Uint8Array(0)));
      this.#doubtLater();
      this.#keepAlive();
    });
  }

  #doubtLater(): void {
    const { clock, handler } = this.#options;
    const { doubtAfterMs } = this.#times;
    if (doubtAfterMs === undefined || this.#pingedAtMs !== undefined) return;
    this.#pingedAtMs = clock.monotonicMs();
    this.#cancelDoubt();
    this.#cancelDoubt = clock.after(doubtAfterMs, () => this.isDoubtful && handler.doubted(this));
  }

  #transmit(envelope: Uint8Array, hop: Hop, type: AnyMessage): void {
    if (this.#closing.signal.aborted) return;
    if (hop.kind === 'clear') return this.#link.send(clearFrame(envelope));
    const channel = hop.kind === 'link' ? this.#session?.channel : this.#panByPn.get(hop.pnId);
    if (channel === undefined) throw new CpnsError('State', 'NoSession', `There is no session to send ${type.name} in.`);
    if (envelope.length > MAX_PAN_ENVELOPE) throw new CpnsError('Internal', 'TooLarge', `${type.name} has more octets than a hop carries.`);
    this.#link.send(channel.seal(INNER_TYPE.envelope, envelope, { pad: !UNPADDED.has(type.number) }));
  }

  #frame(octets: Uint8Array): void {
    try {
      if (this.#session === undefined && !this.#unprovenFrames.take()) return this.close('it sent too much before it proved who it is');
      switch (octets[0]) {
        case CLEAR_FRAME:
          return this.#clearFrame(octets.subarray(1));
        case RECORD_TYPE.link:
          if (this.#session !== undefined) this.#record(this.#session.channel, octets, LINK);
          return;
        case RECORD_TYPE.pan:
          return this.#panRecord(octets);
        default:
          return this.close('it sent a frame that is no frame of this protocol');
      }
    } catch (error) {
      this.#options.logger.info('link closed after a bad frame', { peer: this.peer, remote: this.remote, why: describeError(error) });
      this.close('it sent something that could not be read');
    }
  }

  #clearFrame(octets: Uint8Array): void {
    if (this.#session !== undefined) return;
    const envelope = decodeEnvelope(octets);
    if (envelope.type === undefined || !admissible(envelope.type, 'clear', FROM_PEER)) return;
    if (!this.exchange.settle(envelope, CLEAR)) this.#options.handler.clear(this, envelope);
  }

  #panRecord(octets: Uint8Array): void {
    const pan = this.#panBySid.get(toHex(octets.subarray(1, 5)));
    if (pan === undefined) return;
    const { channel, pnId } = pan;
    this.#record(channel, octets, { kind: 'pan', pnId });
    if (this.#panByPn.get(pnId) === channel) this.#dropPans(pnId, channel);
  }

  /** One record. Whose it is, who says it sent it, and that it belongs here, is settled before anybody hears of it. */
  #record(channel: SecureChannel, octets: Uint8Array, hop: Hop): void {
    const { innerType, content } = channel.open(octets);
    this.#heard();
    if (innerType === INNER_TYPE.ping) return this.#link.send(channel.seal(INNER_TYPE.pong, new Uint8Array(0)));
    if (innerType !== INNER_TYPE.envelope) return;
    const envelope = decodeEnvelope(content);
    const { type } = envelope;
    if (envelope.sender !== this.peer)
      throw new CpnsError('Auth', 'WrongSender', 'An envelope names another sender than the device on this link.');
    if (type === undefined || !admissible(type, hop.kind === 'pan' ? 'pan' : 'link', FROM_PEER)) {
      if (type === undefined || type.kind === 'request') this.#refuse(envelope, hop, Status.BadMessage);
      return;
    }
    if (!UNPADDED.has(type.number)) this.#options.logger.debug('received', { from: this.peer, name: type.name });
    if (this.exchange.settle(envelope, hop) || type.kind === 'answer') return;
    if (!UNPADDED.has(type.number) && !this.#requests.take()) {
      if (type.kind === 'request') this.#refuse(envelope, hop, Status.Busy);
      return;
    }
    this.#options.handler.message(this, envelope, hop);
  }

  #refuse(envelope: Envelope, hop: Hop, status: Status): void {
    this.exchange.notify(refusal, { status }, hop, envelope.transaction);
  }
}
