import type { Clock, CryptoProvider } from '../ports.js';
import type { InnerType, OpenedRecord, OrderedRecordType, SealOptions } from './record.js';
import type { Secret } from './secret.js';

/** The side that sent the first handshake message (PNE, or the one that opened the link), or the other one. */
export type ChannelRole = 'initiator' | 'responder';

export interface SecureChannelLimits {
  /** A key epoch ends after so many records, ... */
  readonly recordsPerEpoch: number;
  /** ... so many octets of plain text, ... */
  readonly octetsPerEpoch: number;
  /** ... or so many milliseconds. */
  readonly epochMs: number;
  /** After so many milliseconds a new handshake is due. */
  readonly sessionMs: number;
}

export interface SecureChannelOptions {
  readonly provider: CryptoProvider;
  readonly clock: Clock;
  readonly type: OrderedRecordType;
  readonly role: ChannelRole;
  /** SK_L or SK_K. The channel owns it from here on and erases it at once. */
  readonly sk: Secret;
  /** TH_L or TH_K. */
  readonly th: Uint8Array;
  readonly limits?: Partial<SecureChannelLimits>;
}

/** The ordered record layer of a PAN session or link session. */
export declare class SecureChannel {
  constructor(options: SecureChannelOptions);
  /** 4 octets that name the session in every record. */
  readonly sid: Uint8Array;
  /** A record was refused, or {@link erase} was called: nothing more is sealed or opened. */
  get closed(): boolean;
  /** A new handshake is due (24 h, or the last key epoch has begun); until it is done the channel goes on for a while. */
  get mustRehandshake(): boolean;
  /** One record. @throws CpnsError State/ChannelClosed, State/MustRehandshake, Internal/BadLength */
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array;
  /** @throws CpnsError Auth/RecordRefused; the channel is closed then; State/ChannelClosed */
  open(record: Uint8Array): OpenedRecord;
  /** Overwrites all keys. May be called again. */
  erase(): void;
}
