import { CpnsError } from '../errors.js';
import type { EntityId } from '../ids.js';
import type { Clock, CryptoProvider, Entropy, LinkType } from '../ports.js';
import { authFailed, outOfOrder } from './auth-error.js';
import { copyOf } from './bytes.js';
import { PROTOCOL_VERSION, SUITE } from './labels.js';
import { type LinkTranscript, linkFind, linkMacs, linkSessionKey, linkTranscriptHash } from './link-formulas.js';
import { RECORD_TYPE } from './record.js';
import type { Secret } from './secret.js';
import { type ChannelRole, SecureChannel, type SecureChannelLimits } from './secure-channel.js';
import { X25519Key } from './x25519-key.js';

const NONCE_LENGTH = 32;
/** K_pairs that R tries: those of 64 pairings, of some that are being made, and of 16 that were ended. */
export const MAX_PAIRED_KEYS = 96;

/** I to R. Names nobody: only who has the K_pair can tell from `find` who it is. */
export interface LinkMessage1 {
  readonly version: number;
  readonly suite: number;
  /** 32 random octets. */
  readonly nI: Uint8Array;
  /** X25519 public value. */
  readonly eI: Uint8Array;
  /** 8 octets. */
  readonly find: Uint8Array;
}
/** R to I. */
export interface LinkMessage2 {
  /** 32 random octets. */
  readonly nR: Uint8Array;
  /** X25519 public value. */
  readonly eR: Uint8Array;
  readonly macR: Uint8Array;
}
/** I to R. */
export interface LinkMessage3 {
  readonly macI: Uint8Array;
}

/** A peer and a K_pair with it. While a new K_pair is provisional a peer stands in a list twice. */
export interface PairedPeer {
  readonly id: EntityId;
  /** Stays with the caller. */
  readonly kPair: Secret;
}

/** What a link session leaves: a proven peer, with the K_pair that it used, and the channel to it. */
export interface LinkSession {
  readonly peer: PairedPeer;
  readonly channel: SecureChannel;
}

interface LinkOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly ownId: EntityId;
  readonly linkType: LinkType;
  /** Of the channel that comes out. */
  readonly limits?: Partial<SecureChannelLimits> | undefined;
}
export interface LinkInitiatorOptions extends LinkOptions {
  /** Whom this side believes to have reached. */
  readonly peer: PairedPeer;
}
export interface LinkResponderOptions extends LinkOptions {
  /** Every K_pair that may be used, at most 64. */
  readonly peers: readonly PairedPeer[];
}

function refused(): CpnsError {
  return authFailed(
    'LinkRefused',
    'The device at the other end of this link did not prove to be a paired one; if it should be, pair the two again.',
  );
}

interface Agreed {
  readonly peer: PairedPeer;
  readonly sk: Secret;
  readonly th: Uint8Array;
  readonly macR: Uint8Array;
  readonly macI: Uint8Array;
}

/** What both sides do alike. */
class LinkRun {
  readonly nonce: Uint8Array;
  readonly key: X25519Key;
  readonly #options: LinkOptions;
  readonly #role: ChannelRole;
  #agreed: Agreed | undefined;

  constructor(options: LinkOptions, role: ChannelRole) {
    this.#options = options;
    this.#role = role;
    this.nonce = copyOf(options.entropy.bytes(NONCE_LENGTH));
    this.key = new X25519Key(options.provider, options.entropy, 'link session');
  }

  agree(peer: PairedPeer, peerNonce: Uint8Array, peerValue: Uint8Array): Agreed {
    const { provider, ownId, linkType } = this.#options;
    const acceptable = peer.id !== ownId && peerNonce.length === NONCE_LENGTH && !provider.equal(peerNonce, this.nonce);
    const dh = acceptable ? this.key.agree(peerValue) : undefined;
    this.key.erase();
    if (dh === undefined) throw refused();
    const own = { id: ownId, nonce: this.nonce, value: this.key.publicValue };
    const other = { id: peer.id, nonce: peerNonce, value: peerValue };
    const [i, r] = this.#role === 'initiator' ? [own, other] : [other, own];
    const transcript: LinkTranscript = {
      version: PROTOCOL_VERSION,
      suite: SUITE,
      idI: i.id,
      idR: r.id,
      linkType,
      nI: i.nonce,
      nR: r.nonce,
      eI: i.value,
      eR: r.value,
    };
    const th = linkTranscriptHash(provider, transcript);
    const sk = linkSessionKey(provider, peer.kPair, transcript, dh, th);
    dh.fill(0);
    this.#agreed = { peer, sk, th, ...linkMacs(provider, sk, th) };
    return this.#agreed;
  }

  /** The session, if the peer's proof is the expected one. */
  confirm(given: Uint8Array, expected: 'macR' | 'macI'): LinkSession {
    const { provider, clock, limits } = this.#options;
    const agreed = this.#agreed;
    if (agreed === undefined || !provider.equal(given, agreed[expected])) throw refused();
    const { peer, sk, th } = agreed;
    return { peer, channel: new SecureChannel({ provider, clock, type: RECORD_TYPE.link, role: this.#role, sk, th, limits }) };
  }

  erase(): void {
    this.key.erase();
    this.#agreed?.sk.erase();
    this.#agreed = undefined;
  }
}

/** The side that opened the link: {@link start}, {@link verify}, each once. A failed check ends the run. */
export class LinkInitiator {
  readonly #options: LinkInitiatorOptions;
  readonly #run: LinkRun;
  #step: 'new' | 'started' | 'over' = 'new';

  constructor(options: LinkInitiatorOptions) {
    this.#options = options;
    this.#run = new LinkRun(options, 'initiator');
  }

  start(): LinkMessage1 {
    if (this.#step !== 'new') throw outOfOrder('LinkInitiator.start');
    this.#step = 'started';
    const nI = copyOf(this.#run.nonce);
    const find = linkFind(this.#options.provider, this.#options.peer.kPair, nI);
    return { version: PROTOCOL_VERSION, suite: SUITE, nI, eI: copyOf(this.#run.key.publicValue), find };
  }

  /** The last message, which goes out before any record, and the session: R is proven now. @throws CpnsError Auth/LinkRefused */
  verify({ nR, eR, macR }: LinkMessage2): { readonly message: LinkMessage3; readonly session: LinkSession } {
    if (this.#step !== 'started') throw outOfOrder('LinkInitiator.verify');
    try {
      const { macI } = this.#run.agree(this.#options.peer, nR, eR);
      return { message: { macI }, session: this.#run.confirm(macR, 'macR') };
    } finally {
      this.abort();
    }
  }

  /** Ends the run and erases its keys. A channel that came out of it is not touched. */
  abort(): void {
    this.#step = 'over';
    this.#run.erase();
  }
}

/**
 * The side that accepted the link: {@link answer}, {@link verify}, each once. It has no channel, so neither sends nor reads a record, before
 * mac_I has verified. A failed check ends the run.
 */
export class LinkResponder {
  readonly #options: LinkResponderOptions;
  readonly #run: LinkRun;
  #step: 'new' | 'answered' | 'over' = 'new';

  /** @throws CpnsError Internal/TooManyPairings */
  constructor(options: LinkResponderOptions) {
    if (options.peers.length > MAX_PAIRED_KEYS) {
      throw new CpnsError('Internal', 'TooManyPairings', `A link session tries at most ${MAX_PAIRED_KEYS} pairings.`);
    }
    this.#options = options;
    this.#run = new LinkRun(options, 'responder');
  }

  /** @throws CpnsError Auth/LinkRefused, also when no K_pair fits: then nothing is answered */
  answer({ version, suite, nI, eI, find }: LinkMessage1): LinkMessage2 {
    if (this.#step !== 'new') throw outOfOrder('LinkResponder.answer');
    try {
      if (version !== PROTOCOL_VERSION || suite !== SUITE || nI.length !== NONCE_LENGTH) throw refused();
      const { macR } = this.#run.agree(this.#find(nI, find), nI, eI);
      this.#step = 'answered';
      return { nR: copyOf(this.#run.nonce), eR: copyOf(this.#run.key.publicValue), macR: copyOf(macR) };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The session: I is proven now. @throws CpnsError Auth/LinkRefused */
  verify({ macI }: LinkMessage3): LinkSession {
    if (this.#step !== 'answered') throw outOfOrder('LinkResponder.verify');
    try {
      return this.#run.confirm(macI, 'macI');
    } finally {
      this.abort();
    }
  }

  /** Ends the run and erases its keys. A channel that came out of it is not touched. */
  abort(): void {
    this.#step = 'over';
    this.#run.erase();
  }

  /** Tries all of them, so that the time tells nothing about whose key it was. */
  #find(nI: Uint8Array, find: Uint8Array): PairedPeer {
    const { provider, peers } = this.#options;
    let found: PairedPeer | undefined;
    for (const peer of peers) {
      if (provider.equal(linkFind(provider, peer.kPair, nI), find)) found ??= peer;
    }
    if (found === undefined) throw refused();
    return found;
  }
}
