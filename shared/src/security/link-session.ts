import type { EntityId } from '../ids.js';
import type { Clock, CryptoProvider, Entropy, LinkType } from '../ports.js';
import type { Secret } from './secret.js';
import type { SecureChannel, SecureChannelLimits } from './secure-channel.js';

export interface LinkMessage1 {
  readonly version: number;
  readonly suite: number;
  readonly nI: Uint8Array;
  readonly eI: Uint8Array;
  readonly find: Uint8Array;
}
export interface LinkMessage2 {
  readonly nR: Uint8Array;
  readonly eR: Uint8Array;
  readonly macR: Uint8Array;
}
export interface LinkMessage3 {
  readonly macI: Uint8Array;
}

/** A peer and a K_pair with it. A peer may stand in a list twice while a new K_pair is provisional. */
export interface PairedPeer {
  readonly id: EntityId;
  readonly kPair: Secret;
}

/** A peer proven at the other end of the link; `kPair` is the key of {@link PairedPeer} that was used. */
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
  readonly limits?: Partial<SecureChannelLimits>;
}
export interface LinkInitiatorOptions extends LinkOptions {
  readonly peer: PairedPeer;
}
export interface LinkResponderOptions extends LinkOptions {
  /** At most 64. */
  readonly peers: readonly PairedPeer[];
}

/** The side that opened the link. Every failure is Auth/LinkRefused and ends the run. */
export declare class LinkInitiator {
  constructor(options: LinkInitiatorOptions);
  start(): LinkMessage1;
  verify(message: LinkMessage2): { readonly message: LinkMessage3; readonly session: LinkSession };
  abort(): void;
}

/** The side that accepted the link. It has no channel before mac_I has verified. */
export declare class LinkResponder {
  constructor(options: LinkResponderOptions);
  answer(message: LinkMessage1): LinkMessage2;
  verify(message: LinkMessage3): LinkSession;
  abort(): void;
}
