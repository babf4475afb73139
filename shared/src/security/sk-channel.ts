import type { Clock, CryptoProvider, Entropy } from '../ports.js';
import { EnvelopeReassembler } from './envelope-parts.js';
import type { SkMaterial } from './handshake-types.js';
import { INNER_TYPE, type InnerType, type OpenedRecord, type SealOptions } from './record.js';
import { SkReceiver } from './sk-receiver.js';
import { type SkLimits, SkSender } from './sk-sender.js';

export interface SkChannelOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** The channel takes it over: {@link SkChannel.erase} erases it. */
  readonly material: SkMaterial;
  /** Which end this is: a device (PNE or PN GW) or the server. */
  readonly side: 'device' | 'server';
  readonly limits?: Partial<SkLimits> | undefined;
}

/**
 * One end of an SK session, whole in one process: seals, opens, drops duplicates and puts large envelopes together. Nothing that comes in
 * can close it.
 */
export class SkChannel {
  /** 8 octets that name the session in every record. */
  readonly sid: Uint8Array;
  readonly #material: SkMaterial;
  readonly #sender: SkSender;
  readonly #receiver: SkReceiver;
  readonly #reassembler: EnvelopeReassembler;

  /** @throws CpnsError Internal/BadLimit */
  constructor({ provider, entropy, clock, material, side, limits }: SkChannelOptions) {
    const [sending, receiving] = side === 'device' ? (['p2s', 's2p'] as const) : (['s2p', 'p2s'] as const);
    this.#material = material;
    this.#receiver = new SkReceiver({ provider, material, direction: receiving, limits });
    this.#sender = new SkSender({ provider, entropy, clock, material, direction: sending, sid: this.#receiver.sid, limits });
    this.#reassembler = new EnvelopeReassembler(clock);
    this.sid = this.#sender.sid;
  }

  /** A new handshake is due: 24 h, nearly 2^20 records sent, or a genuine sender beyond the 16th was turned away. */
  get mustRehandshake(): boolean {
    return this.#sender.mustRehandshake || this.#receiver.mustRehandshake;
  }

  /**
   * One record. Content is at most 16,384 octets.
   * @throws CpnsError State/MustRehandshake, State/ChannelClosed, Internal/BadLength
   */
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array {
    return this.#sender.seal(innerType, content, options);
  }

  /** The records that carry one envelope of at most 65,536 octets, with at most `maxContent` in each. @throws as {@link seal} */
  sealEnvelope(envelope: Uint8Array, options?: SealOptions, maxContent?: number): Uint8Array[] {
    return this.#sender.sealEnvelope(envelope, options, maxContent);
  }

  /**
   * The content of a record. A large envelope comes out whole, with its last part.
   * Undefined: not of this session, seen before, too old, or a part while others are missing.
   */
  open(record: Uint8Array): OpenedRecord | undefined {
    const opened = this.#receiver.open(record);
    if (opened?.innerType !== INNER_TYPE.part) return opened;
    const envelope = this.#reassembler.accept(opened);
    return envelope === undefined ? undefined : { innerType: INNER_TYPE.envelope, content: envelope };
  }

  /** Overwrites all keys and SK itself. May be called again. */
  erase(): void {
    this.#sender.erase();
    this.#receiver.erase();
    this.#material.sk.erase();
  }
}
