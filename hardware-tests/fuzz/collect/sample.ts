import { CpnsError } from '@cpns/shared';
import type { AnyMessage, CborValue, Schema } from '@cpns/shared/messages';
import { encodeCbor, type StructSchema } from '@cpns/shared/messages';

const TEXTS = ['phone', 'alice', 'cpns.test', '0123456789abcdef', 'cpns-0123456789abcdef', 'text/plain', 'host:1', 'a'];
const OCTETS = [0, 1, 8, 12, 16, 20, 32, 44, 48, 60, 64];
const LEAVES: readonly CborValue[] = [1, 0, 2, 16, 128, true, ...OCTETS.map((length) => new Uint8Array(length).fill(7)), ...TEXTS];

function accepts(schema: Schema<unknown>, value: CborValue): boolean {
  try {
    schema.decode(value, 'sample');
    return true;
  } catch {
    return false;
  }
}

function isStruct(schema: Schema<unknown>): schema is StructSchema<unknown> {
  return 'fields' in schema;
}

/** A value with every field that the schema accepts, found by trying; lists stay empty where they may. */
function sampleOf(schema: Schema<unknown>): CborValue {
  if (isStruct(schema)) return new Map(Object.values(schema.fields).map(({ key, schema: inner }) => [key, sampleOf(inner)] as const));
  const found = [...LEAVES, [], ...LEAVES.map((leaf) => [leaf])].find((value) => accepts(schema, value));
  if (found === undefined) throw new CpnsError('Internal', 'NoSample', `No sample is known for ${schema.describe}.`);
  return found;
}

/** An envelope of a message that nothing sends yet. */
export function sampleEnvelope(type: AnyMessage): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [1, 1],
      [2, type.number],
      [3, new Uint8Array(16).fill(type.number)],
      [4, type.anonymous ? '' : 'phone'],
      [5, sampleOf(type.body)],
    ]),
  );
}
