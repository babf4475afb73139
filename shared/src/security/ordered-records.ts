import { CpnsError } from '../errors.js';
import type { Clock, CryptoProvider } from '../ports.js';
import { eraseKeys, laterKeys, nextKeySource } from './channel-keys.js';
import { AEAD_NONCE_LENGTH, TAG_LENGTH } from './provider-lengths.js';
import {
  type InnerType,
  isFramed,
  type OpenedRecord,
  ORDERED_HEADER_LENGTH,
  type OrderedRecordType,
  paddedLength,
  type RecordKeys,
  readPlain,
  requireContent,
  writePlain,
} from './record.js';

/** keyEpoch is one octet. */
const LAST_EPOCH = 255;
const EPOCH_AT = 5;
const LENGTH_AT = 6;

/** When one key epoch is over. */
export interface EpochLimits {
  readonly recordsPerEpoch: number;
  /** Octets of plain. */
  readonly octetsPerEpoch: number;
  readonly epochMs: number;
}

/** What one direction of a session begins with. Sender and receiver own it and overwrite it. */
export interface DirectionSecrets {
  readonly keys: RecordKeys;
  /** ks_0 */
  readonly source: Uint8Array;
}

/**
 * Key, number and key epoch of one direction. A record never allocates more than itself: nonce and associated data are written anew in
 * place, and a session sees at most some 2^28 records, so that a plain number counts them exactly.
 */
class RecordCounter {
  keys: RecordKeys;
  source: Uint8Array;
  epoch = 0;
  seq = 0;
  readonly nonce = new Uint8Array(AEAD_NONCE_LENGTH);
  /** header || seq */
  readonly aad = new Uint8Array(ORDERED_HEADER_LENGTH + 8);
  readonly #aadView = new DataView(this.aad.buffer);

  constructor(type: OrderedRecordType, sid: Uint8Array, { keys, source }: DirectionSecrets) {
    this.keys = keys;
    this.source = source;
    this.aad[0] = type;
    this.aad.set(sid, 1);
  }

  /** Takes the next number: no nonce is ever made twice, whatever happens afterwards. */
  advance(keyEpoch: number, sealedLength: number, iv: Uint8Array): void {
    const { aad, nonce } = this;
    aad[EPOCH_AT] = keyEpoch;
    this.#aadView.setUint16(LENGTH_AT, sealedLength);
    this.#aadView.setUint32(ORDERED_HEADER_LENGTH, this.seq / 2 ** 32);
    this.#aadView.setUint32(ORDERED_HEADER_LENGTH + 4, this.seq);
    this.seq++;
    nonce.set(iv);
    for (let i = 0; i < 8; i++) nonce[4 + i] = (nonce[4 + i] as number) ^ (aad[ORDERED_HEADER_LENGTH + i] as number);
  }

  enter(source: Uint8Array, keys: RecordKeys): void {
    this.erase();
    this.source = source;
    this.keys = keys;
    this.epoch++;
  }

  erase(): void {
    eraseKeys(this.keys);
    this.source.fill(0);
    this.nonce.fill(0);
  }
}

/** The sending direction: owns key and counter, and changes its key by itself. */
export class RecordSender {
  readonly #provider: CryptoProvider;
  readonly #clock: Clock;
  readonly #limits: EpochLimits;
  readonly #counter: RecordCounter;
  #records = 0;
  #octets = 0;
  #epochSinceMs: number;
  /** Room for the plain octets of one record; grows to the largest one. */
  #plain = new Uint8Array(0);

  constructor(
    provider: CryptoProvider,
    clock: Clock,
    limits: EpochLimits,
    type: OrderedRecordType,
    sid: Uint8Array,
    secrets: DirectionSecrets,
  ) {
    this.#provider = provider;
    this.#clock = clock;
    this.#limits = limits;
    this.#counter = new RecordCounter(type, sid, secrets);
    this.#epochSinceMs = clock.monotonicMs();
  }

  get inLastEpoch(): boolean {
    return this.#counter.epoch === LAST_EPOCH;
  }

  /** @throws CpnsError Internal/BadLength, State/MustRehandshake after the last key epoch */
  seal(innerType: InnerType, content: Uint8Array, pad: boolean): Uint8Array {
    requireContent(content);
    if (this.#epochIsOver()) this.#nextEpoch();
    const counter = this.#counter;
    const length = pad ? paddedLength(content.length + 1) : content.length + 1;
    const plain = this.#room(length);
    writePlain(plain, innerType, content);
    counter.advance(counter.epoch, length + TAG_LENGTH, counter.keys.iv);
    this.#records++;
    this.#octets += length;
    const sealed = this.#provider.seal(counter.keys.key, counter.nonce, counter.aad, plain);
    const record = new Uint8Array(ORDERED_HEADER_LENGTH + sealed.length);
    for (let i = 0; i < ORDERED_HEADER_LENGTH; i++) record[i] = counter.aad[i] as number;
    record.set(sealed, ORDERED_HEADER_LENGTH);
    return record;
  }

  erase(): void {
    this.#counter.erase();
    this.#plain.fill(0);
  }

  #room(length: number): Uint8Array {
    if (this.#plain.length < length) {
      this.#plain.fill(0);
      this.#plain = new Uint8Array(paddedLength(length));
    }
    return this.#plain.subarray(0, length);
  }

  #epochIsOver(): boolean {
    const { recordsPerEpoch, octetsPerEpoch, epochMs } = this.#limits;
    if (this.#records >= recordsPerEpoch || this.#octets >= octetsPerEpoch) return true;
    return this.#clock.monotonicMs() - this.#epochSinceMs >= epochMs;
  }

  #nextEpoch(): void {
    const counter = this.#counter;
    if (counter.epoch === LAST_EPOCH) {
      throw new CpnsError('State', 'MustRehandshake', 'The keys of this session are used up; the link must be set up anew.');
    }
    const source = nextKeySource(this.#provider, counter.source);
    counter.enter(source, laterKeys(this.#provider, source));
    this.#records = 0;
    this.#octets = 0;
    this.#epochSinceMs = this.#clock.monotonicMs();
  }
}

/** The receiving direction: follows the sender's key by at most one epoch, and only once a tag under the new key has verified. */
export class RecordReceiver {
  readonly #provider: CryptoProvider;
  readonly #type: OrderedRecordType;
  readonly #sid: Uint8Array;
  readonly #counter: RecordCounter;

  constructor(provider: CryptoProvider, type: OrderedRecordType, sid: Uint8Array, secrets: DirectionSecrets) {
    this.#provider = provider;
    this.#type = type;
    this.#sid = sid;
    this.#counter = new RecordCounter(type, sid, secrets);
  }

  get inLastEpoch(): boolean {
    return this.#counter.epoch === LAST_EPOCH;
  }

  /** The record that was sent next, or undefined for anything else; the direction must not be used any more then. */
  open(record: Uint8Array): OpenedRecord | undefined {
    if (!isFramed(record, this.#type, ORDERED_HEADER_LENGTH)) return undefined;
    for (let i = 0; i < this.#sid.length; i++) if (record[1 + i] !== this.#sid[i]) return undefined;
    const { epoch, keys } = this.#counter;
    const keyEpoch = record[EPOCH_AT] as number;
    const plain = keyEpoch === epoch ? this.#unseal(record, keyEpoch, keys) : keyEpoch === epoch + 1 ? this.#follow(record) : undefined;
    return plain === undefined ? undefined : readPlain(plain);
  }

  erase(): void {
    this.#counter.erase();
  }

  #unseal(record: Uint8Array, keyEpoch: number, { key, iv }: RecordKeys): Uint8Array | undefined {
    const counter = this.#counter;
    counter.advance(keyEpoch, record.length - ORDERED_HEADER_LENGTH, iv);
    return this.#provider.open(key, counter.nonce, counter.aad, record.subarray(ORDERED_HEADER_LENGTH));
  }

  #follow(record: Uint8Array): Uint8Array | undefined {
    const source = nextKeySource(this.#provider, this.#counter.source);
    const keys = laterKeys(this.#provider, source);
    const plain = this.#unseal(record, this.#counter.epoch + 1, keys);
    if (plain !== undefined) {
      this.#counter.enter(source, keys);
      return plain;
    }
    source.fill(0);
    eraseKeys(keys);
    return undefined;
  }
}
