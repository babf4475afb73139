import * as v from 'valibot';

/** A whole number within bounds, with its default and the line that documents it. */
export function count(fallback: number, doc: string, min = 1, max = 1_000_000_000) {
  return v.pipe(
    v.optional(
      v.pipe(
        v.number('is not a number'),
        v.integer('is not a whole number'),
        v.minValue(min, `is less than ${min}`),
        v.maxValue(max, `is more than ${max}`),
      ),
      fallback,
    ),
    v.description(doc),
  );
}

/** A TCP port; 0 takes a free one. */
export function port(fallback: number, doc: string) {
  return count(fallback, doc, 0, 65_535);
}

export function flag(fallback: boolean, doc: string) {
  return v.pipe(v.optional(v.boolean('is neither true nor false'), fallback), v.description(doc));
}

export function oneOf<const T extends readonly string[]>(values: T, fallback: T[number], doc: string) {
  return v.pipe(
    v.optional(v.picklist(values, `is not one of ${values.join(', ')}`), fallback),
    v.description(`${doc} One of: ${values.join(', ')}.`),
  );
}

/** Text that `ok` accepts. `form` completes "is not ...". */
export function words(fallback: string, doc: string, ok: (text: string) => boolean = () => true, form = 'text') {
  return v.pipe(
    v.optional(v.pipe(v.string('is not text'), v.maxLength(255, 'is longer than 255 characters'), v.check(ok, `is not ${form}`)), fallback),
    v.description(doc),
  );
}

/** A group of settings. Unknown names are refused, so that a misspelt setting never passes unnoticed. */
export function group<const T extends v.ObjectEntries>(doc: string, entries: T) {
  return v.pipe(v.optional(v.strictObject(entries), {} as never), v.description(doc));
}
