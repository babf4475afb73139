import { cborLength, decodeCbor, encodeCbor } from './cbor.js';
import type { Schema } from './schema.js';

/** A value as the octets that travel; relays forward them untouched, so that hashes over them hold. */
export function toOctets<T>(schema: Schema<T>, value: T): Uint8Array {
  return encodeCbor(schema.encode(value));
}

/** How many octets {@link toOctets} gives. */
export function octetCount<T>(schema: Schema<T>, value: T): number {
  return cborLength(schema.encode(value));
}

/** @throws CpnsError Codec/BadMessage */
export function fromOctets<T>(schema: Schema<T>, octets: Uint8Array, what: string): T {
  return schema.decode(decodeCbor(octets), what);
}
