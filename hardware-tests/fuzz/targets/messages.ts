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

/** What is written again is the same, but for fields that this version does not know and has passed over. */
function mustComeBack(written: Uint8Array, read: Uint8Array): void {
  if (sameOctets(written, read)) return;
  must(written.length < read.length, 'what was read is written longer, or in another form');
  must(countNodes(decodeCbor(written)) < countNodes(decodeCbor(read)), 'what was read is written in another form');
}

/** Every byte string that is one of the nested formats is read as such. */
function readNested(value: CborValue): void {
  if (value instanceof Uint8Array) {
    reread(deviceCapabilities, value);
    reread(helloRequest, value);
  } else if (value instanceof Map) for (const item of (value as CborMap).values()) readNested(item);
  else if (Array.isArray(value)) for (const item of value) readNested(item);
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
