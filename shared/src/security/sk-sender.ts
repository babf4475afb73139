import { CpnsError } from '../errors.js';
import type { Clock, CryptoProvider, Entropy } from '../ports.js';
import { copyOf, nonceFor } from './bytes.js';
import { eraseKeys, type SkDirection } from './channel-keys.js';
import { splitEnvelope } from './envelope-parts.js';
import type { SkMaterial } from './handshake-types.js';
import { TAG_LENGTH } from './provider-lengths.js';
import {
  INNER_TYPE,
  type InnerType,
  MAX_CONTENT,
  paddedLength,
  type RecordKeys,
  requireContent,
  type SealOptions,
  SK_HEADER_LENGTH,
  writePlain,
  writeSkHeader,
} from './record.js';
import { AGE_LIMITS, type AgeLimits, lowerLimits, SessionAge } from './session-limits.js';
import { INST_LENGTH, skRecordKeys, skSid } from './sk-record.js';

/** When an SK session is used up. Limits can be lowered, never raised. */
export interface SkLimits extends AgeLimits {
  /** Records that one sender makes under its key, at most. */
  readonly recordsPerInst: number;
  /** Senders that a receiver takes per session, at most. */
  readonly instsPerSid: number;
}

export const SK_LIMITS: SkLimits = { recordsPerInst: 2 ** 20, instsPerSid: 16, ...AGE_LIMITS };

/** A new handshake is due when less than this part of the records is left, so that traffic goes on meanwhile. */
const SPARE = 1 / 64;

export interface SkSenderOptions {
  readonly provider: CryptoProvider;
  readonly entropy: Entropy;
  readonly clock: Clock;
  /** Stays with the caller; not needed after construction. */
  readonly material: SkMaterial;
  readonly direction: SkDirection;
  /** The {@link skSid} of the material, where it was derived already. Default: derived here. */
  readonly sid?: Uint8Array;
  /** How old the session is already, in milliseconds. Default: 0. */
  readonly ageMs?: number;
  readonly limits?: Partial<SkLimits> | undefined;
}

/**
 * Seals the records of one direction of an SK session. Every sender draws its own inst and thereby has its own key: neither a restart
 * nor a second sender for the same session can repeat a nonce, and no counter is ever stored.
 */
export class SkSender {
  readonly sid: Uint8Array;
  readonly inst: Uint8Array;
  readonly #provider: CryptoProvider;
  readonly #limits: SkLimits;
  readonly #age: SessionAge;
  readonly #keys: RecordKeys;
  readonly #sid: Uint8Array;
  readonly #inst: Uint8Array;
  #seq = 0;
  #closed = false;

  /** @throws CpnsError Internal/BadLimit */
  constructor({ provider, entropy, clock, material, direction, sid, ageMs, limits }: SkSenderOptions) {
    this.#provider = provider;
    this.#limits = lowerLimits(SK_LIMITS, limits);
    this.#age = new SessionAge(clock, this.#limits, ageMs);
    this.#sid = copyOf(sid ?? skSid(provider, material));
    this.#inst = copyOf(entropy.bytes(INST_LENGTH));
    this.#keys = skRecordKeys(provider, material, direction, this.#inst);
    this.sid = copyOf(this.#sid);
    this.inst = copyOf(this.#inst);
  }

  /** A new handshake is due: the session is 24 h old, or nearly 2^20 records were sent. */
  get mustRehandshake(): boolean {
    return this.#closed || this.#age.due || this.#seq >= this.#limits.recordsPerInst * (1 - SPARE);
  }

  /**
   * One record. Content is at most 16,384 octets.
   * @throws CpnsError State/MustRehandshake, State/ChannelClosed, Internal/BadLength
   */
  seal(innerType: InnerType, content: Uint8Array, options?: SealOptions): Uint8Array {
    requireContent(content);
    this.#requireUsable(1);
    return this.#seal(innerType, content, options);
  }

  /**
   * The records that carry one envelope: one, or the parts of a large one (at most 65,536 octets) under consecutive numbers. `maxContent`:
   * octets in each of them. @throws CpnsError State/MustRehandshake, State/ChannelClosed, Internal/BadLength; then nothing was sealed
   */
  sealEnvelope(envelope: Uint8Array, options?: SealOptions, maxContent: number = MAX_CONTENT): Uint8Array[] {
    if (envelope.length <= maxContent) return [this.seal(INNER_TYPE.envelope, envelope, options)];
    const parts = splitEnvelope(envelope, maxContent);
    this.#requireUsable(parts.length);
    return parts.map((part) => this.#seal(INNER_TYPE.part, part, options));
  }

  /** Overwrites the keys; the material is not touched. May be called again. */
  erase(): void {
    this.#closed = true;
    eraseKeys(this.#keys);
  }

  #seal(innerType: InnerType, content: Uint8Array, options: SealOptions | undefined): Uint8Array {
    const length = (options?.pad ?? true) ? paddedLength(content.length + 1) : content.length + 1;
    const seq = BigInt(this.#seq++);
    const record = new Uint8Array(SK_HEADER_LENGTH + length + TAG_LENGTH);
    writeSkHeader(record, this.#sid, this.#inst, seq, length + TAG_LENGTH);
    const plain = new Uint8Array(length);
    writePlain(plain, innerType, content);
    const { key, iv } = this.#keys;
    record.set(this.#provider.seal(key, nonceFor(iv, seq), record.subarray(0, SK_HEADER_LENGTH), plain), SK_HEADER_LENGTH);
    return record;
  }

  #requireUsable(records: number): void {
    if (this.#closed) throw new CpnsError('State', 'ChannelClosed', 'The session with the server was closed; register anew.');
    if (!this.#age.over && this.#seq + records <= this.#limits.recordsPerInst) return;
    throw new CpnsError('State', 'MustRehandshake', 'The keys of the session with the server are used up; register anew.');
  }
}
