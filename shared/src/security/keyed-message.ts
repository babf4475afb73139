import { CpnsError } from '../errors.js';
import { type EntityId, isEntityId } from '../ids.js';
import { encodeCbor } from '../messages/cbor.js';
import type { CryptoProvider } from '../ports.js';
import { concat, readU32be, readU64be, u32be } from './bytes.js';
import { enc, expand } from './kdf.js';
import { ENC, type EXPAND } from './labels.js';
import { AEAD_KEY_LENGTH, AEAD_NONCE_LENGTH, TAG_LENGTH } from './provider-lengths.js';

/** Octets of a PN key and of a Group Key. */
export const MESSAGE_KEY_LENGTH = 32;
/** Most octets of content in one message. */
export const MESSAGE_CONTENT_MAX = 16_384;
/** Octets of a PN ID or SG ID in a message. */
const SCOPE_LENGTH = 16;
const SALT_LENGTH = 8;
const KEY_IV_LENGTH = AEAD_KEY_LENGTH + AEAD_NONCE_LENGTH;
/** 0x85, id (17), epoch (9), sender (2 + 32), salt (9), seq (9). */
const HEADER_MAX = 1 + 17 + 9 + 34 + 9 + 9;
export const MESSAGE_MAX = HEADER_MAX + MESSAGE_CONTENT_MAX + TAG_LENGTH;

/** Which kind of key a message is under: a PN key (seed 002 steps 22 to 24) or a Group Key (seed 000). The formulas differ in this alone. */
export type MessageLabel = typeof EXPAND.pnMessage | typeof EXPAND.groupMessage;

/** What stands before the ciphertext, in clear but authenticated. Formulas take any text as sender. */
export interface MessageHeader {
  /** 16 raw octets of the PN ID or SG ID. */
  readonly scope: Uint8Array;
  readonly epoch: bigint;
  readonly idSender: string;
  /** bootCounter (u32) and 4 random octets: no two runs of a sender share a key. */
  readonly salt: Uint8Array;
  readonly seq: bigint;
}

export function messageSalt(bootCounter: number, random: Uint8Array): Uint8Array {
  return concat(u32be(bootCounter), random);
}

export function bootCounterOf(salt: Uint8Array): number {
  return readU32be(salt);
}

/** key (32) and iv (12) of one sender's run under the key of an epoch. */
export function messageKeyIv(
  provider: CryptoProvider,
  key: Uint8Array,
  label: MessageLabel,
  header: Omit<MessageHeader, 'seq'>,
): Uint8Array {
  return expand(provider, key, label, enc(header.scope, header.epoch, header.idSender, header.salt), KEY_IV_LENGTH);
}

/** The header as it travels: a CBOR array of five, shortest form. */
export function encodeMessageHeader({ scope, epoch, idSender, salt, seq }: MessageHeader): Uint8Array {
  return encodeCbor([scope, epoch, idSender, salt, seq]);
}

/** Associated data; "gmsg" stands in PN messages too. */
export function messageAad({ scope, epoch, idSender, salt, seq }: MessageHeader): Uint8Array {
  return enc(ENC.groupMessage, scope, epoch, idSender, salt, seq);
}

/** A message taken apart, into views of its octets; nothing of it is believed yet. */
export interface ParsedMessage {
  readonly header: MessageHeader & { readonly idSender: EntityId };
  readonly sealed: Uint8Array;
}

const malformed = () => new CpnsError('Codec', 'BadMessage', 'The message under a shared key is malformed.');

/**
 * Takes a message apart. Only the one shortest form of the header is accepted.
 * @throws CpnsError Codec/BadMessage
 */
export function parseMessage(octets: Uint8Array): ParsedMessage {
  if (octets.length > MESSAGE_MAX) throw malformed();
  const reader = new HeaderReader(octets);
  reader.literal(0x85);
  const scope = reader.string(2, SCOPE_LENGTH, SCOPE_LENGTH);
  const epoch = reader.unsigned(0);
  const idSender = String.fromCharCode(...reader.string(3, 3, 32));
  const salt = reader.string(2, SALT_LENGTH, SALT_LENGTH);
  const seq = reader.unsigned(0);
  const sealed = octets.subarray(reader.at);
  if (!isEntityId(idSender) || sealed.length < TAG_LENGTH) throw malformed();
  return { header: { scope, epoch, idSender, salt, seq }, sealed };
}

/**
 * Reads the few CBOR forms of a header; a general decoder would accept more than the one form, and nest as deep as it is told to. A message
 * that ends within its header leaves nothing for the tag, which the caller notices.
 */
class HeaderReader {
  at = 0;

  constructor(readonly octets: Uint8Array) {}

  literal(octet: number): void {
    if (this.octets[this.at++] !== octet) throw malformed();
  }

  unsigned(major: number): bigint {
    const first = this.octets[this.at++] ?? 0xff;
    const info = first & 31;
    if (first >> 5 !== major) throw malformed();
    if (info < 24) return BigInt(info);
    if (info > 27) throw malformed();
    const width = 1 << (info - 24);
    const padded = new Uint8Array(8);
    padded.set(this.octets.subarray(this.at, this.at + width), 8 - width);
    this.at += width;
    const value = readU64be(padded);
    const smallest = width === 1 ? 24n : 1n << BigInt(4 * width);
    if (value < smallest) throw malformed();
    return value;
  }

  string(major: number, least: number, most: number): Uint8Array {
    const length = this.unsigned(major);
    if (length < least || length > most) throw malformed();
    const end = this.at + Number(length);
    const value = this.octets.subarray(this.at, end);
    this.at = end;
    return value;
  }
}
