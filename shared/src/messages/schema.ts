import { CpnsError } from '../errors.js';
import type { CborMap, CborValue } from './cbor.js';

/**
 * How one value stands on the wire. The TypeScript type, the bounds, both directions of the codec and the line in the
 * documentation all come from the one schema.
 */
export interface Schema<T> {
  /** For the documentation: `bytes(32)`, `list of text(<= 32), at most 64`. */
  readonly describe: string;
  encode(value: T): CborValue;
  /** @throws CpnsError Codec/BadMessage naming `path` */
  decode(value: CborValue, path: string): T;
}

/** The type that a schema carries. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

function bad(path: string, expected: string): CpnsError {
  return new CpnsError('Codec', 'BadMessage', `A message could not be read: ${path} is not ${expected}.`);
}

/** An octet string of `min` to `max` octets (or exactly `min`). */
export function bytes(min: number, max: number = min): Schema<Uint8Array> {
  const describe = min === max ? `bytes(${min})` : `bytes(${min}..${max})`;
  const ok = (value: CborValue): value is Uint8Array => value instanceof Uint8Array && value.length >= min && value.length <= max;
  return {
    describe,
    encode(value) {
      if (!ok(value)) throw new CpnsError('Internal', 'BadField', `A field to be sent is not ${describe}.`);
      return value;
    },
    decode(value, path) {
      if (!ok(value)) throw bad(path, describe);
      return value;
    },
  };
}

/** Text of at most `max` UTF-16 units that satisfies `test`. */
export function text<T extends string = string>(max: number, test?: (value: string) => value is T, form?: string): Schema<T> {
  const describe = form ?? `text(<= ${max})`;
  const ok = (value: CborValue): value is T => typeof value === 'string' && value.length <= max && (test === undefined || test(value));
  return {
    describe,
    encode(value) {
      if (!ok(value)) throw new CpnsError('Internal', 'BadField', `A field to be sent is not ${describe}.`);
      return value;
    },
    decode(value, path) {
      if (!ok(value)) throw bad(path, describe);
      return value;
    },
  };
}

/** A whole number from 0 to `max`. */
export function uint(max: number = Number.MAX_SAFE_INTEGER): Schema<number> {
  const describe = max === Number.MAX_SAFE_INTEGER ? 'uint' : `uint(<= ${max})`;
  const ok = (value: CborValue): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max;
  return {
    describe,
    encode(value) {
      if (!ok(value)) throw new CpnsError('Internal', 'BadField', `A field to be sent is not ${describe}.`);
      return value;
    },
    decode(value, path) {
      if (!ok(value)) throw bad(path, describe);
      return value;
    },
  };
}

/** One of the named numbers. */
export function oneOf<const T extends Readonly<Record<string, number>>>(names: T): Schema<T[keyof T]> {
  const values = new Set<number>(Object.values(names));
  const describe = Object.entries(names)
    .map(([name, value]) => `${value} ${name}`)
    .join(' / ');
  return {
    describe,
    encode: (value) => value,
    decode(value, path) {
      if (typeof value !== 'number' || !values.has(value)) throw bad(path, `one of ${describe}`);
      return value as T[keyof T];
    },
  };
}

export const bool: Schema<boolean> = {
  describe: 'bool',
  encode: (value) => value,
  decode(value, path) {
    if (typeof value !== 'boolean') throw bad(path, 'bool');
    return value;
  },
};

/** A list of `min` to `max` items. */
export function list<T>(item: Schema<T>, max: number, min = 0): Schema<readonly T[]> {
  const describe = `list of ${item.describe}, at most ${max}`;
  return {
    describe,
    encode(value) {
      if (value.length > max || value.length < min) throw new CpnsError('Internal', 'BadField', `A field to be sent is not a ${describe}.`);
      return value.map((entry) => item.encode(entry));
    },
    decode(value, path) {
      if (!Array.isArray(value) || value.length > max || value.length < min) throw bad(path, `a ${describe}`);
      return (value as readonly CborValue[]).map((entry, i) => item.decode(entry, `${path}[${i}]`));
    },
  };
}

/** One field of a {@link struct}: its integer key and the schema of its value. */
export interface Field<T, Optional extends boolean> {
  readonly key: number;
  readonly schema: Schema<T>;
  readonly optional: Optional;
}

export function field<T>(key: number, schema: Schema<T>): Field<T, false> {
  return { key, schema, optional: false };
}
export function optional<T>(key: number, schema: Schema<T>): Field<T, true> {
  return { key, schema, optional: true };
}

type Fields = Readonly<Record<string, Field<unknown, boolean>>>;
type FieldType<F> = F extends Field<infer T, boolean> ? T : never;
type OptionalNames<F extends Fields> = { [K in keyof F]: F[K]['optional'] extends true ? K : never }[keyof F];

/** The object type of a {@link struct}. */
export type StructOf<F extends Fields> = { readonly [K in Exclude<keyof F, OptionalNames<F>>]: FieldType<F[K]> } & {
  readonly [K in OptionalNames<F>]?: FieldType<F[K]>;
};

/** A struct knows its fields, for the documentation. */
export interface StructSchema<T> extends Schema<T> {
  readonly fields: Fields;
}

// biome-ignore lint/suspicious/noExplicitAny: fields of any value type are gathered here; StructOf gives them back their own types
export function struct<const F extends Readonly<Record<string, Field<any, boolean>>>>(fields: F): StructSchema<StructOf<F>> {
  const entries = Object.entries(fields).sort(([, a], [, b]) => a.key - b.key);
  if (new Set(entries.map(([, f]) => f.key)).size !== entries.length)
    throw new CpnsError('Internal', 'BadSchema', 'Two fields share a key.');
  const describe =
    entries.length === 0
      ? '{}'
      : `{${entries.map(([name, f]) => `${f.key}${f.optional ? '?' : ''} ${name}: ${f.schema.describe}`).join(', ')}}`;
  return {
    describe,
    fields,
    encode(value) {
      const map = new Map<number, CborValue>();
      const record = value as Readonly<Record<string, unknown>>;
      for (const [name, f] of entries) {
        const item = record[name];
        if (item !== undefined) map.set(f.key, f.schema.encode(item));
        else if (!f.optional) throw new CpnsError('Internal', 'BadField', `A message to be sent lacks ${name}.`);
      }
      return map;
    },
    decode(value, path) {
      if (!(value instanceof Map)) throw bad(path, 'a map');
      const map = value as CborMap;
      const result: Record<string, unknown> = {};
      for (const [name, f] of entries) {
        const item = map.get(f.key);
        if (item !== undefined) result[name] = f.schema.decode(item, `${path}.${name}`);
        else if (!f.optional) throw bad(`${path}.${name}`, 'there');
      }
      return result as StructOf<F>;
    },
  };
}
