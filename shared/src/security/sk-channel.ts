import type { Clock, CryptoProvider, Entropy } from '../ports.js';
import type { SkMaterial } from './handshake-types.js';
import type { InnerType, OpenedRecord, SealOptions } from './record.js';

/** PNE (or PN GW in its own session) to server, or back. */
export type SkDirection = 'p2s' | 's2p';

/** What an SK record shows in clear. */
export interface SkRecordHeader {
  /** 8 octets that name the session. */
  readonly sid: Uint8Array;
  /** 8 octets that name the sending process. */
  readonly inst: Uint8Array;
  readonly seq: bigint;
}

export interface OpenedSkRecord extends OpenedRecord {
  readonly inst: Uint8Array;
  readonly seq: bigint;
}

export interface SkLimits {
  readonly recordsPerInst: number;
  readonly sessionMs: number;
  readonly instsPerSid: number;
}

/** `Expand(SK, "sid", TH, 8)` */
export declare function skSid(provider: CryptoProvider, material: SkMaterial): Uint8Array;
/** The header of a well-formed SK record; undefined for anything else. Nothing of it is proven. */
export declare function readSkHeader(record: Uint8Array): SkRecordHeader | undefined;

/** Opens records of one session without remembering which were seen: for a server that removes duplicates in its database. */
export declare class SkOpener {
  constructor(provider: CryptoProvider, material: SkMaterial, direction: SkDirection);
  readonly sid: Uint8Array;
  open(record: Uint8Array): OpenedSkRecord | undefined;
  erase(): void;
}

export interface SkSenderOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly material: SkMaterial;
  readonly direction: SkDirection;
  readonly limits?: Partial<SkLimits>;
}

/** Seals records of one session; draws its own inst, so no two senders share a key. */
export declare class SkSender {
  constructor(options: SkSenderOptions);
  readonly sid: Uint8Array;
  readonly inst: Uint8Array;
  get mustRehandshake(): boolean;
  /** @throws CpnsError State/MustRehandshake, State/ChannelClosed, Internal/BadLength */
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array;
  /** One record, or the parts of a large envelope (at most 65,536 octets) in consecutive records. */
  sealEnvelope(envelope: Uint8Array, options?: SealOptions): Uint8Array[];
  erase(): void;
}

export interface SkChannelOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly material: SkMaterial;
  /** Which side this is. */
  readonly side: 'device' | 'server';
  readonly limits?: Partial<SkLimits>;
}

/** Both directions of one SK session in one process: seals, opens, drops duplicates, puts parts together. */
export declare class SkChannel {
  constructor(options: SkChannelOptions);
  readonly sid: Uint8Array;
  get mustRehandshake(): boolean;
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array;
  sealEnvelope(envelope: Uint8Array, options?: SealOptions): Uint8Array[];
  /** Undefined: refused, a duplicate, or a part of an envelope that is not complete yet. */
  open(record: Uint8Array): OpenedRecord | undefined;
  erase(): void;
}

/** Puts the parts of envelopes of one session together; bounded in number, octets and time. */
export declare class EnvelopeReassembler {
  constructor(clock: Clock);
  /** The whole envelope when `part` was the last one missing. */
  accept(part: OpenedSkRecord): Uint8Array | undefined;
}
