import { CpnsError } from '../errors.js';
import { type EntityId, isEntityId } from '../ids.js';
import { catalogue } from './catalogue.js';
import { type CborValue, decodeCbor, encodeCbor } from './cbor.js';
import type { Channel, Direction, MessageType } from './message-type.js';

export const PROTOCOL_VERSION = 1;
export const SUITE = 1;
/** Octets of an envelope on a PAN hop and on the uplink. */
export const MAX_PAN_ENVELOPE = 16_384;
export const MAX_UPLINK_ENVELOPE = 65_536;
/** First octet of a frame in clear; any other value is the type of a record. */
export const CLEAR_FRAME = 0x00;

const KEY = { version: 1, message: 2, transaction: 3, sender: 4, body: 5 } as const;

/** A message with what is known of it before its body is read. */
export interface Envelope {
  /** Undefined: a number this version does not know; answer `BadMessage`. */
  readonly type: MessageType | undefined;
  readonly number: number;
  /** 16 octets; an answer carries the one of its request. */
  readonly transaction: Uint8Array;
  /** Entity id of the sender, or empty (Link 1 to 3, and the server). Unproven: compare it with who is authenticated on the way. */
  readonly sender: EntityId | '';
  readonly body: CborValue;
  /** The envelope as it came, for digests of repeated requests. */
  readonly octets: Uint8Array;
}

/** @throws CpnsError Internal/BadField when the body breaks its own schema */
export function encodeEnvelope<T>(type: MessageType<T>, transaction: Uint8Array, sender: EntityId | '', body: T): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [KEY.version, PROTOCOL_VERSION],
      [KEY.message, type.number],
      [KEY.transaction, transaction],
      [KEY.sender, sender],
      [KEY.body, type.body.encode(body)],
    ]),
  );
}

/**
 * Reads an envelope, but not yet its body: size, form, version and header fields are checked.
 * @throws CpnsError Codec/BadMessage
 */
export function decodeEnvelope(octets: Uint8Array, maxOctets: number = MAX_PAN_ENVELOPE): Envelope {
  if (octets.length > maxOctets)
    throw new CpnsError('Codec', 'BadMessage', `A message could not be read: it has more than ${maxOctets} octets.`);
  const map = decodeCbor(octets);
  if (!(map instanceof Map)) throw new CpnsError('Codec', 'BadMessage', 'A message could not be read: it is not an envelope.');
  const number = map.get(KEY.message);
  const transaction = map.get(KEY.transaction);
  const sender = map.get(KEY.sender);
  const body = map.get(KEY.body);
  if (map.get(KEY.version) !== PROTOCOL_VERSION) {
    throw new CpnsError(
      'Codec',
      'BadVersion',
      `The other side speaks another version of the protocol; this one speaks ${PROTOCOL_VERSION}.`,
    );
  }
  if (
    typeof number !== 'number' ||
    !(transaction instanceof Uint8Array) ||
    transaction.length !== 16 ||
    typeof sender !== 'string' ||
    !(sender === '' || isEntityId(sender)) ||
    !(body instanceof Map)
  ) {
    throw new CpnsError('Codec', 'BadMessage', 'A message could not be read: its envelope is incomplete.');
  }
  return { type: catalogue.get(number), number, transaction, sender, body, octets };
}

/** The typed body of an envelope that carries message `type`. @throws CpnsError Codec/BadMessage */
export function bodyOf<T>(envelope: Envelope, type: MessageType<T>): T {
  if (envelope.number !== type.number) throw new CpnsError('Codec', 'BadMessage', `Expected ${type.name}, got message ${envelope.number}.`);
  return type.body.decode(envelope.body, type.name);
}

/** May this message come on this channel from a sender in one of these roles? Everything else is refused at the door. */
export function admissible(type: MessageType, channel: Channel, directions: readonly Direction[]): boolean {
  return type.channels.includes(channel) && type.directions.some((direction) => directions.includes(direction));
}

/** A frame in clear. */
export function clearFrame(envelope: Uint8Array): Uint8Array {
  const frame = new Uint8Array(envelope.length + 1);
  frame[0] = CLEAR_FRAME;
  frame.set(envelope, 1);
  return frame;
}
