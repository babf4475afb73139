import {
  type AnyMessage,
  bodyOf,
  type CborMap,
  type CborValue,
  decodeCbor,
  decodeEnvelope,
  deviceCapabilities,
  encodeEnvelope,
  fromOctets,
  helloRequest,
  MAX_UPLINK_ENVELOPE,
  type Schema,
  toOctets,
} from '@cpns/shared/messages';
import { countNodes, reshapeCbor } from '../cbor-tree.js';
import { must, sameOctets, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

const NESTED_AT_MOST = 50;

/** What is written again is the same, but for fields that this version does not know and has passed over. */
function mustComeBack(written: Uint8Array, read: Uint8Array): void {
  if (sameOctets(written, read)) return;
  must(written.length < read.length, 'what was read is written longer, or in another form');
  must(countNodes(decodeCbor(written)) < countNodes(decodeCbor(read)), 'what was read is written in another form');
}

function* byteStringsOf(value: CborValue): Generator<Uint8Array> {
  if (value instanceof Uint8Array) yield value;
  else if (value instanceof Map) for (const item of (value as CborMap).values()) yield* byteStringsOf(item);
  else if (Array.isArray(value)) for (const item of value) yield* byteStringsOf(item);
}

/** Byte strings that are one of the nested formats are read as such; not each of a thousand, or it is this target that is slow. */
function readNested(body: CborValue): void {
  let left = NESTED_AT_MOST;
  for (const octets of byteStringsOf(body)) {
    if (left-- === 0) return;
    reread(deviceCapabilities, octets);
    reread(helloRequest, octets);
  }
}

function reread<T>(schema: Schema<T>, octets: Uint8Array): void {
  const read = unlessRefused(['Codec'], () => fromOctets(schema, octets, 'nested'));
  if (read !== undefined) mustComeBack(toOctets(schema, read), octets);
}

function readMessage(data: Uint8Array): void {
  const envelope = unlessRefused(['Codec'], () => decodeEnvelope(data, MAX_UPLINK_ENVELOPE));
  if (envelope?.type === undefined) return;
  const type: AnyMessage = envelope.type;
  const body = unlessRefused(['Codec'], () => bodyOf(envelope, type));
  if (body === undefined) return;
  mustComeBack(encodeEnvelope(type, envelope.transaction, envelope.sender, body), data);
  readNested(envelope.body);
}

/** Every message of the catalogue, with what is nested in it. */
export const messages: FuzzTarget = {
  name: 'messages',
  title: 'envelopes and the schema of every message',
  reshape: reshapeCbor,
  seeds: ({ envelopes }) => envelopes,
  open: () => ({ fuzz: readMessage }),
};
