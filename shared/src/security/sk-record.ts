import type { CryptoProvider } from '../ports.js';
import { copyOf, nonceFor, readU64be, toHex } from './bytes.js';
import { eraseKeys, type SkDirection, skChannelSid, skRecordSecret, splitKeys } from './channel-keys.js';
import type { SkMaterial } from './handshake-types.js';
import { isFramed, type OpenedRecord, RECORD_TYPE, type RecordKeys, readPlain, SK_HEADER_LENGTH } from './record.js';

export const SID_LENGTH = 8;
export const INST_LENGTH = 8;
const INST_AT = 1 + SID_LENGTH;
const SEQ_AT = INST_AT + INST_LENGTH;

/** What an SK record shows in clear. Nothing of it is proven before the tag has verified. */
export interface SkRecordHeader {
  /** Names the session, 8 octets. */
  readonly sid: Uint8Array;
  /** Names the sending process, 8 octets. */
  readonly inst: Uint8Array;
  /** Counts per (sid, inst), unsigned 64 bits. */
  readonly seq: bigint;
}

export interface OpenedSkRecord extends OpenedRecord {
  readonly inst: Uint8Array;
  readonly seq: bigint;
}

/** The name of the session that a handshake left, 8 octets. */
export function skSid(provider: CryptoProvider, { sk, th }: SkMaterial): Uint8Array {
  return skChannelSid(provider, sk.reveal(), th);
}

/** Key and iv of one sending process. */
export function skRecordKeys(provider: CryptoProvider, { sk, th }: SkMaterial, direction: SkDirection, inst: Uint8Array): RecordKeys {
  return splitKeys(skRecordSecret(provider, sk.reveal(), th, direction, inst));
}

/** The header of a well-framed SK record, to look its session up by; undefined for anything else. The parts are copies. */
export function readSkHeader(record: Uint8Array): SkRecordHeader | undefined {
  if (!isFramed(record, RECORD_TYPE.sk, SK_HEADER_LENGTH)) return undefined;
  return { sid: copyOf(record.subarray(1, INST_AT)), inst: copyOf(record.subarray(INST_AT, SEQ_AT)), seq: readU64be(record, SEQ_AT) };
}

/** Opens a record whose header was read from it. Undefined when the tag is wrong or the content impossible. */
export function openSkRecordWith(
  provider: CryptoProvider,
  { key, iv }: RecordKeys,
  seq: bigint,
  record: Uint8Array,
): OpenedRecord | undefined {
  const plain = provider.open(key, nonceFor(iv, seq), record.subarray(0, SK_HEADER_LENGTH), record.subarray(SK_HEADER_LENGTH));
  return plain === undefined ? undefined : readPlain(plain);
}

/** Keys that {@link SkOpener} keeps at hand; others are derived again. */
const CACHED_INSTS = 16;

/**
 * Opens the records of one session without remembering which it saw: for a server, whose database keeps (sid, inst, seq) with the
 * effect and so drops duplicates for all workers alike.
 */
export class SkOpener {
  readonly sid: Uint8Array;
  readonly #provider: CryptoProvider;
  readonly #material: SkMaterial;
  readonly #direction: SkDirection;
  /** By inst in hex; the one used longest ago first. */
  readonly #cache = new Map<string, RecordKeys>();

  /** The material stays with the caller. */
  constructor(provider: CryptoProvider, material: SkMaterial, direction: SkDirection) {
    this.sid = skSid(provider, material);
    this.#provider = provider;
    this.#material = material;
    this.#direction = direction;
  }

  /** Undefined: not a record of this session and direction. */
  open(record: Uint8Array): OpenedSkRecord | undefined {
    const header = readSkHeader(record);
    if (header === undefined || !this.#provider.equal(header.sid, this.sid)) return undefined;
    const { inst, seq } = header;
    const name = toHex(inst);
    const keys = this.#cache.get(name) ?? skRecordKeys(this.#provider, this.#material, this.#direction, inst);
    const opened = openSkRecordWith(this.#provider, keys, seq, record);
    if (opened === undefined) {
      // An inst that somebody made up must not push a real one out.
      if (!this.#cache.has(name)) eraseKeys(keys);
      return undefined;
    }
    this.#keep(name, keys);
    return { inst, seq, innerType: opened.innerType, content: opened.content };
  }

  /** Overwrites the keys at hand. The material is not touched. */
  erase(): void {
    for (const keys of this.#cache.values()) eraseKeys(keys);
    this.#cache.clear();
  }

  #keep(name: string, keys: RecordKeys): void {
    this.#cache.delete(name);
    this.#cache.set(name, keys);
    if (this.#cache.size <= CACHED_INSTS) return;
    for (const [oldest, old] of this.#cache) {
      eraseKeys(old);
      this.#cache.delete(oldest);
      return;
    }
  }
}

/** {@link SkOpener} for a single record. */
export function openSkRecord(
  provider: CryptoProvider,
  material: SkMaterial,
  direction: SkDirection,
  record: Uint8Array,
): OpenedSkRecord | undefined {
  const opener = new SkOpener(provider, material, direction);
  try {
    return opener.open(record);
  } finally {
    opener.erase();
  }
}
