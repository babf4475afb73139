import type { EntityId } from '../ids.js';
import type { CryptoProvider, Entropy, LinkType } from '../ports.js';
import type { Secret } from './secret.js';

export interface PairingMessage1 {
  readonly version: number;
  readonly suite: number;
  readonly commit: Uint8Array;
}
export interface PairingMessage2 {
  readonly pkB: Uint8Array;
  readonly rB: Uint8Array;
}
export interface PairingMessage3 {
  readonly pkA: Uint8Array;
  readonly rA: Uint8Array;
}
/** Messages 4 (A's) and 5 (B's). */
export interface PairingConfirm {
  readonly confirm: Uint8Array;
}

/** What a pairing leaves. Provisional until the first link session under it. */
export interface PairingResult {
  readonly peer: EntityId;
  readonly kPair: Secret;
}

/** What the text of a pairing link says of the device that shows it. */
export interface PairingLink {
  /** SHA-256(pk_B) */
  readonly pkHash: Uint8Array;
  /** 16 octets. */
  readonly token: Secret;
}

/** A link being shown: its key pair lives as long as it. Made by {@link createInvitation}. */
export interface PairingInvitation extends PairingLink {
  readonly privateKey: Secret;
  readonly pk: Uint8Array;
}
export declare function createInvitation(provider: CryptoProvider, entropy: Entropy): PairingInvitation;

interface PairingOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly ownId: EntityId;
  readonly linkType: LinkType;
}
export interface PairingInitiatorOptions extends PairingOptions {
  /** From the link text, the mDNS name or the BLE characteristic, before the first message. */
  readonly peerId: EntityId;
  /** Present: pairing by link, no code. */
  readonly link?: PairingLink | undefined;
}
export interface PairingResponderOptions extends PairingOptions {
  /** Present: pairing by link, no code. */
  readonly invitation?: PairingInvitation | undefined;
}

/** A: the side that opened the link. Every failure is Auth/PairingRefused, ends the attempt and erases everything. */
export declare class PairingInitiator {
  constructor(options: PairingInitiatorOptions);
  start(): PairingMessage1;
  /** `sender` is the envelope's. */
  reveal(message: PairingMessage2, sender: EntityId): PairingMessage3;
  /** Six digits, after {@link reveal}; undefined in a pairing by link. */
  get code(): string | undefined;
  /** The own person said yes (in a pairing by link: took the link). */
  accept(): PairingConfirm;
  finish(message: PairingConfirm): PairingResult;
  abort(): void;
}

export interface PairingCompletion {
  readonly message: PairingConfirm;
  readonly result: PairingResult;
}

/** B: the side that accepted the link. */
export declare class PairingResponder {
  constructor(options: PairingResponderOptions);
  /** `sender` is the envelope's: ID_A. */
  answer(message: PairingMessage1, sender: EntityId): PairingMessage2;
  receive(message: PairingMessage3, sender: EntityId): void;
  /** Six digits, after {@link receive}; undefined in a pairing by link. */
  get code(): string | undefined;
  /** The own person said yes; the outcome when A's confirm has come already. Not needed in a pairing by link. */
  accept(): PairingCompletion | undefined;
  /** A's confirm; the outcome when the own person has said yes already. */
  confirm(message: PairingConfirm): PairingCompletion | undefined;
  abort(): void;
}
