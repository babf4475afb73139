import type { CpnsError } from '../errors.js';
import type { Clock, CryptoProvider, Entropy, LinkType } from '../ports.js';
import { authFailed, outOfOrder } from './auth-error.js';
import { copyOf } from './bytes.js';
import { type PanTranscript, panHashes, panSessionKey, panTranscriptHash } from './pan-formulas.js';
import { RECORD_TYPE } from './record.js';
import type { Secret } from './secret.js';
import { type ChannelRole, SecureChannel, type SecureChannelLimits } from './secure-channel.js';
import { X25519Key } from './x25519-key.js';

const NONCE_LENGTH = 32;

/** PNE to PN GW. */
export interface PanMessage1 {
  /** 32 random octets. */
  readonly a: Uint8Array;
  /** X25519 public value. */
  readonly ePneLocal: Uint8Array;
}
/** PN GW to PNE. */
export interface PanMessage2 {
  /** 32 random octets. */
  readonly b: Uint8Array;
  /** X25519 public value. */
  readonly eGwLocal: Uint8Array;
}
/** PNE to PN GW. */
export interface PanMessage3 {
  readonly hashPneL: Uint8Array;
}
/** PN GW to PNE. */
export interface PanMessage4 {
  readonly hashPnGw: Uint8Array;
}

export interface PanHandshakeOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Stays with the caller: it serves later runs too. */
  readonly localEuKey: Secret;
  /** The hdr octets stored with the LocalEUKey. */
  readonly header: Uint8Array;
  readonly linkType: LinkType;
  /** Of the channel that comes out. */
  readonly limits?: Partial<SecureChannelLimits> | undefined;
}

function refused(): CpnsError {
  return authFailed(
    'PanHandshakeFailed',
    'The device at the other end of this link did not prove that it belongs to this personal network; nothing is sent to it.',
  );
}

/** What a side knows once both nonces and both X25519 values are on the table. */
interface Agreed {
  readonly sk: Secret;
  readonly th: Uint8Array;
  readonly hashPneL: Uint8Array;
  readonly hashPnGw: Uint8Array;
}

/** What both sides do alike. */
class PanRun {
  readonly nonce: Uint8Array;
  readonly key: X25519Key;
  readonly #options: PanHandshakeOptions;
  readonly #role: ChannelRole;
  #agreed: Agreed | undefined;

  constructor(options: PanHandshakeOptions, role: ChannelRole) {
    this.#options = options;
    this.#role = role;
    this.nonce = copyOf(options.entropy.bytes(NONCE_LENGTH));
    this.key = new X25519Key(options.provider, options.entropy, 'PAN handshake');
  }

  agree(peerNonce: Uint8Array, peerValue: Uint8Array): Agreed {
    const { provider, localEuKey, header, linkType } = this.#options;
    const dh = peerNonce.length === NONCE_LENGTH && !provider.equal(peerNonce, this.nonce) ? this.key.agree(peerValue) : undefined;
    this.key.erase();
    if (dh === undefined) throw refused();
    const [a, b, ePneLocal, eGwLocal] =
      this.#role === 'initiator'
        ? [this.nonce, peerNonce, this.key.publicValue, peerValue]
        : [peerNonce, this.nonce, peerValue, this.key.publicValue];
    const transcript: PanTranscript = { header, linkType, a, b, ePneLocal, eGwLocal };
    const th = panTranscriptHash(provider, transcript);
    const sk = panSessionKey(provider, localEuKey, transcript, dh, th);
    dh.fill(0);
    this.#agreed = { sk, th, ...panHashes(provider, localEuKey, sk, th) };
    return this.#agreed;
  }

  /** The channel, if the peer's hash is the expected one. */
  confirm(given: Uint8Array, expected: 'hashPneL' | 'hashPnGw'): { channel: SecureChannel; hashPnGw: Uint8Array } {
    const { provider, clock, limits } = this.#options;
    const agreed = this.#agreed;
    if (agreed === undefined || !provider.equal(given, agreed[expected])) throw refused();
    const { sk, th, hashPnGw } = agreed;
    return { channel: new SecureChannel({ provider, clock, type: RECORD_TYPE.pan, role: this.#role, sk, th, limits }), hashPnGw };
  }

  erase(): void {
    this.key.erase();
    this.#agreed?.sk.erase();
    this.#agreed = undefined;
  }
}

/**
 * The PNE's side of the handshake that protects the hop to its PN GW (seed 003, 6.6.1.1 step 6): {@link start}, {@link answer},
 * {@link finish}, each once. The PNE is the initiator whoever started the PN. A failed check ends the run.
 */
export class PanHandshakeInitiator {
  readonly #run: PanRun;
  #step: 'new' | 'started' | 'answered' | 'over' = 'new';

  constructor(options: PanHandshakeOptions) {
    this.#run = new PanRun(options, 'initiator');
  }

  start(): PanMessage1 {
    if (this.#step !== 'new') throw outOfOrder('PanHandshakeInitiator.start');
    this.#step = 'started';
    return { a: copyOf(this.#run.nonce), ePneLocal: copyOf(this.#run.key.publicValue) };
  }

  /** @throws CpnsError Auth/PanHandshakeFailed */
  answer({ b, eGwLocal }: PanMessage2): PanMessage3 {
    if (this.#step !== 'started') throw outOfOrder('PanHandshakeInitiator.answer');
    try {
      const { hashPneL } = this.#run.agree(b, eGwLocal);
      this.#step = 'answered';
      return { hashPneL: copyOf(hashPneL) };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The session with the PN GW, which has proven itself now. @throws CpnsError Auth/PanHandshakeFailed */
  finish({ hashPnGw }: PanMessage4): SecureChannel {
    if (this.#step !== 'answered') throw outOfOrder('PanHandshakeInitiator.finish');
    try {
      return this.#run.confirm(hashPnGw, 'hashPnGw').channel;
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

/** The PN GW's side: {@link challenge}, {@link verify}, each once. A failed check ends the run. */
export class PanHandshakeResponder {
  readonly #run: PanRun;
  #step: 'new' | 'challenged' | 'over' = 'new';

  constructor(options: PanHandshakeOptions) {
    this.#run = new PanRun(options, 'responder');
  }

  /** @throws CpnsError Auth/PanHandshakeFailed */
  challenge({ a, ePneLocal }: PanMessage1): PanMessage2 {
    if (this.#step !== 'new') throw outOfOrder('PanHandshakeResponder.challenge');
    try {
      this.#run.agree(a, ePneLocal);
      this.#step = 'challenged';
      return { b: copyOf(this.#run.nonce), eGwLocal: copyOf(this.#run.key.publicValue) };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The last message, which goes out before any record, and the session. @throws CpnsError Auth/PanHandshakeFailed */
  verify({ hashPneL }: PanMessage3): { readonly message: PanMessage4; readonly channel: SecureChannel } {
    if (this.#step !== 'challenged') throw outOfOrder('PanHandshakeResponder.verify');
    try {
      const { channel, hashPnGw } = this.#run.confirm(hashPneL, 'hashPneL');
      return { message: { hashPnGw }, channel };
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
