import type { Clock, CryptoProvider, Entropy, LinkType } from '../ports.js';
import type { Secret } from './secret.js';
import type { SecureChannel, SecureChannelLimits } from './secure-channel.js';

export interface PanMessage1 {
  readonly a: Uint8Array;
  readonly ePneLocal: Uint8Array;
}
export interface PanMessage2 {
  readonly b: Uint8Array;
  readonly eGwLocal: Uint8Array;
}
export interface PanMessage3 {
  readonly hashPneL: Uint8Array;
}
export interface PanMessage4 {
  readonly hashPnGw: Uint8Array;
}

export interface PanHandshakeOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Stays with the caller: it serves later runs too. */
  readonly localEuKey: Secret;
  /** The header octets stored with the LocalEUKey. */
  readonly header: Uint8Array;
  readonly linkType: LinkType;
  readonly limits?: Partial<SecureChannelLimits>;
}

/** The PNE's side. Every failure is Auth/PanHandshakeFailed and ends the run. */
export declare class PanHandshakeInitiator {
  constructor(options: PanHandshakeOptions);
  start(): PanMessage1;
  answer(message: PanMessage2): PanMessage3;
  finish(message: PanMessage4): SecureChannel;
  abort(): void;
}

/** The PN GW's side. */
export declare class PanHandshakeResponder {
  constructor(options: PanHandshakeOptions);
  challenge(message: PanMessage1): PanMessage2;
  verify(message: PanMessage3): { readonly message: PanMessage4; readonly channel: SecureChannel };
  abort(): void;
}
