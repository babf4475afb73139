import type { CpnsError } from '../errors.js';
import type { EntityId } from '../ids.js';
import type { CryptoProvider, Entropy, LinkType } from '../ports.js';
import { authFailed, outOfOrder } from './auth-error.js';
import { copyOf, EMPTY } from './bytes.js';
import { PROTOCOL_VERSION, SUITE } from './labels.js';
import {
  type PairingTranscript,
  pairingCode,
  pairingCommit,
  pairingConfirm,
  pairingKey,
  pairingKeyHash,
  pairingRoot,
  pairingTokenProof,
  pairingTranscriptHash,
} from './pairing-formulas.js';
import type { PairingInvitation, PairingLink } from './pairing-invitation.js';
import type { Secret } from './secret.js';
import { X25519Key } from './x25519-key.js';

const NONCE_LENGTH = 32;
const COMMIT_LENGTH = 32;

/** A to B. */
export interface PairingMessage1 {
  readonly version: number;
  readonly suite: number;
  readonly commit: Uint8Array;
}
/** B to A. */
export interface PairingMessage2 {
  /** X25519 public value. */
  readonly pkB: Uint8Array;
  /** 32 random octets. */
  readonly rB: Uint8Array;
}
/** A to B: what {@link PairingMessage1} committed to. */
export interface PairingMessage3 {
  /** X25519 public value. */
  readonly pkA: Uint8Array;
  /** 32 random octets. */
  readonly rA: Uint8Array;
}
/** Message 4, A to B, and message 5, B to A. */
export interface PairingConfirm {
  readonly confirm: Uint8Array;
}

/** What a pairing leaves. The key is provisional until the first link session under it has succeeded. */
export interface PairingResult {
  readonly peer: EntityId;
  readonly kPair: Secret;
}
/** Message 5, and what B keeps. */
export interface PairingCompletion {
  readonly message: PairingConfirm;
  readonly result: PairingResult;
}

interface PairingOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly ownId: EntityId;
  readonly linkType: LinkType;
}
export interface PairingInitiatorOptions extends PairingOptions {
  /** From the link text, the mDNS name or the BLE characteristic: known before the first message, and never changed by a later one. */
  readonly peerId: EntityId;
  /** Given: pairing by link, without a code. Stays with the caller. */
  readonly link?: PairingLink | undefined;
}
export interface PairingResponderOptions extends PairingOptions {
  /** Given: this device shows a link, and only who took it is paired. Stays with the caller. */
  readonly invitation?: PairingInvitation | undefined;
}

function refused(sentence: string): CpnsError {
  return authFailed('PairingRefused', sentence);
}
const ALTERED = 'Pairing failed because a message was altered or came from elsewhere; start it again on both devices, close together.';
const NOT_CONFIRMED =
  'The other device did not confirm the same pairing; start it again on both devices, both with a code or both with the link.';
const WITH_ITSELF = 'A device cannot be paired with itself: every device needs an entity id of its own.';
const OTHER_VERSION = 'The other device speaks another version of the protocol; bring both to the same one.';
const OTHER_LINK = 'The device that answered is not the one that shows this pairing link; take the link that is shown now.';

/** What is left to do once everything is on the table. */
interface Agreed {
  readonly peer: EntityId;
  readonly root: Secret;
  readonly th: Uint8Array;
  readonly code: string | undefined;
  readonly confirmA: Uint8Array;
  readonly confirmB: Uint8Array;
}

function agree(
  { provider, linkType }: PairingOptions,
  key: X25519Key,
  parts: Pick<PairingTranscript, 'idA' | 'idB' | 'pkA' | 'pkB' | 'rA' | 'rB'>,
  peer: EntityId,
  token: Secret | undefined,
): Agreed {
  const dh = key.agree(peer === parts.idA ? parts.pkA : parts.pkB);
  if (dh === undefined) throw refused(ALTERED);
  const th = pairingTranscriptHash(provider, { version: PROTOCOL_VERSION, suite: SUITE, linkType, ...parts });
  const root = pairingRoot(provider, dh);
  dh.fill(0);
  const t = token === undefined ? EMPTY : pairingTokenProof(provider, token, th);
  return {
    peer,
    root,
    th,
    code: token === undefined ? pairingCode(provider, root, th) : undefined,
    confirmA: pairingConfirm(provider, root, 'A', th, t),
    confirmB: pairingConfirm(provider, root, 'B', th, t),
  };
}

/** K_pair, once the peer's confirm is the expected one. */
function settle(provider: CryptoProvider, { peer, root, th }: Agreed, given: Uint8Array, expected: Uint8Array): PairingResult {
  if (!provider.equal(given, expected)) throw refused(NOT_CONFIRMED);
  return { peer, kPair: pairingKey(provider, root, th) };
}

/**
 * A, the side that opened the link: {@link start}, {@link reveal}, {@link accept} once the own person said yes, {@link finish}. A failed
 * check ends the attempt and erases everything; every attempt uses a new object.
 */
export class PairingInitiator {
  readonly #options: PairingInitiatorOptions;
  readonly #key: X25519Key;
  readonly #rA: Uint8Array;
  #agreed: Agreed | undefined;
  #step: 'new' | 'started' | 'revealed' | 'accepted' | 'over' = 'new';

  /** @throws CpnsError Auth/PairingRefused when the peer has the own id */
  constructor(options: PairingInitiatorOptions) {
    if (options.peerId === options.ownId) throw refused(WITH_ITSELF);
    this.#options = options;
    this.#rA = copyOf(options.entropy.bytes(NONCE_LENGTH));
    this.#key = new X25519Key(options.provider, options.entropy, 'pairing');
  }

  start(): PairingMessage1 {
    if (this.#step !== 'new') throw outOfOrder('PairingInitiator.start');
    this.#step = 'started';
    const { provider, ownId, peerId, linkType } = this.#options;
    const own = { version: PROTOCOL_VERSION, suite: SUITE, idA: ownId, idB: peerId, linkType, pkA: this.#key.publicValue, rA: this.#rA };
    return { version: PROTOCOL_VERSION, suite: SUITE, commit: pairingCommit(provider, own) };
  }

  /** `sender`: who the envelope says sent it; another one than the peer of the commitment is refused. @throws CpnsError Auth/PairingRefused */
  reveal({ pkB, rB }: PairingMessage2, sender: EntityId): PairingMessage3 {
    if (this.#step !== 'started') throw outOfOrder('PairingInitiator.reveal');
    try {
      const { provider, ownId, peerId, link } = this.#options;
      if (sender !== peerId || rB.length !== NONCE_LENGTH) throw refused(ALTERED);
      if (link !== undefined && !provider.equal(pairingKeyHash(provider, pkB), link.pkHash)) throw refused(OTHER_LINK);
      const parts = { idA: ownId, idB: peerId, pkA: this.#key.publicValue, pkB, rA: this.#rA, rB };
      this.#agreed = agree(this.#options, this.#key, parts, peerId, link?.token);
      this.#key.erase();
      this.#step = 'revealed';
      return { pkA: copyOf(this.#key.publicValue), rA: copyOf(this.#rA) };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The six digits to compare, from {@link reveal} on; undefined in a pairing by link. */
  get code(): string | undefined {
    return this.#agreed?.code;
  }

  /** The own person said yes: the codes are the same, or the link was taken. */
  accept(): PairingConfirm {
    const agreed = this.#agreed;
    if (this.#step !== 'revealed' || agreed === undefined) throw outOfOrder('PairingInitiator.accept');
    this.#step = 'accepted';
    return { confirm: copyOf(agreed.confirmA) };
  }

  /** @throws CpnsError Auth/PairingRefused */
  finish({ confirm }: PairingConfirm): PairingResult {
    const agreed = this.#agreed;
    if (this.#step !== 'accepted' || agreed === undefined) throw outOfOrder('PairingInitiator.finish');
    try {
      return settle(this.#options.provider, agreed, confirm, agreed.confirmB);
    } finally {
      this.abort();
    }
  }

  /** Ends the attempt and erases everything but the result of {@link finish}. */
  abort(): void {
    this.#step = 'over';
    this.#key.erase();
    this.#agreed?.root.erase();
    this.#agreed = undefined;
  }
}

/**
 * B, the side that accepted the link: {@link answer}, {@link receive}, then {@link accept} once the own person said yes and
 * {@link confirm} with A's message 4, in either order. Whichever comes last gives the completion. A failed check ends the attempt and
 * erases everything; every attempt uses a new object.
 */
export class PairingResponder {
  readonly #options: PairingResponderOptions;
  /** Of the invitation, or made for this attempt. */
  readonly #key: X25519Key;
  readonly #rB: Uint8Array;
  #peer: EntityId | undefined;
  #commit: Uint8Array = EMPTY;
  #agreed: Agreed | undefined;
  #result: PairingResult | undefined;
  /** Who shows a link has said yes to whoever took it. */
  #accepted: boolean;
  #step: 'new' | 'answered' | 'received' | 'over' = 'new';

  constructor(options: PairingResponderOptions) {
    this.#options = options;
    this.#rB = copyOf(options.entropy.bytes(NONCE_LENGTH));
    this.#key = options.invitation?.key ?? new X25519Key(options.provider, options.entropy, 'pairing');
    this.#accepted = options.invitation !== undefined;
  }

  /** `sender`: who the envelope says sent it; that is ID_A. @throws CpnsError Auth/PairingRefused */
  answer({ version, suite, commit }: PairingMessage1, sender: EntityId): PairingMessage2 {
    if (this.#step !== 'new') throw outOfOrder('PairingResponder.answer');
    try {
      if (version !== PROTOCOL_VERSION || suite !== SUITE) throw refused(OTHER_VERSION);
      if (sender === this.#options.ownId) throw refused(WITH_ITSELF);
      if (commit.length !== COMMIT_LENGTH) throw refused(ALTERED);
      this.#peer = sender;
      this.#commit = copyOf(commit);
      this.#step = 'answered';
      return { pkB: copyOf(this.#key.publicValue), rB: copyOf(this.#rB) };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** `sender`: who the envelope says sent it; another one than before is refused. @throws CpnsError Auth/PairingRefused */
  receive({ pkA, rA }: PairingMessage3, sender: EntityId): void {
    if (this.#step !== 'answered') throw outOfOrder('PairingResponder.receive');
    try {
      const { provider, ownId, linkType, invitation } = this.#options;
      if (sender !== this.#peer || rA.length !== NONCE_LENGTH) throw refused(ALTERED);
      const committed = { version: PROTOCOL_VERSION, suite: SUITE, idA: sender, idB: ownId, linkType, pkA, rA };
      if (!provider.equal(pairingCommit(provider, committed), this.#commit)) throw refused(ALTERED);
      const parts = { idA: sender, idB: ownId, pkA, pkB: this.#key.publicValue, rA, rB: this.#rB };
      this.#agreed = agree(this.#options, this.#key, parts, sender, invitation?.token);
      this.#step = 'received';
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** The six digits to compare, from {@link receive} on; undefined in a pairing by link. */
  get code(): string | undefined {
    return this.#agreed?.code;
  }

  /** The own person said yes. The completion, if A's confirm is here already; not needed while a link is shown. */
  accept(): PairingCompletion | undefined {
    if (this.#step !== 'received') throw outOfOrder('PairingResponder.accept');
    this.#accepted = true;
    return this.#complete();
  }

  /** A's confirm. The completion, if the own person has said yes already. @throws CpnsError Auth/PairingRefused */
  confirm({ confirm }: PairingConfirm): PairingCompletion | undefined {
    const agreed = this.#agreed;
    if (agreed === undefined || this.#result !== undefined) throw outOfOrder('PairingResponder.confirm');
    try {
      this.#result = settle(this.#options.provider, agreed, confirm, agreed.confirmA);
      return this.#complete();
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  /** Ends the attempt and erases everything but a completion. */
  abort(): void {
    this.#step = 'over';
    if (this.#options.invitation === undefined) this.#key.erase();
    this.#agreed?.root.erase();
    this.#agreed = undefined;
    this.#result?.kPair.erase();
    this.#result = undefined;
  }

  #complete(): PairingCompletion | undefined {
    const agreed = this.#agreed;
    const result = this.#result;
    if (!this.#accepted || agreed === undefined || result === undefined) return undefined;
    this.#result = undefined;
    const message = { confirm: copyOf(agreed.confirmB) };
    this.abort();
    return { message, result };
  }
}
