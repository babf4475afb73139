import * as v from 'valibot';

/*
 * What a table of settings is made of. Each setting carries its bounds, its default and its documentation, so that the type, the check of
 * a file and the documented default file all come from one table. Messages complete the sentence "FILE:LINE: NAME ...".
 */

/** Says which name is wrong and which ones there are. */
function wrongEntry(names: readonly string[]) {
  return (issue: v.StrictObjectIssue) => {
    if (issue.expected === 'never') return `is not a setting; here there are: ${names.join(', ')}`;
    return issue.expected === 'Object' ? `is not a group of settings: ${names.join(', ')}` : 'is missing';
  };
}

/** All settings of a file. */
export function settingsFile<const T extends v.ObjectEntries>(entries: T) {
  return v.strictObject(entries, wrongEntry(Object.keys(entries)));
}

/** A group of settings. Unknown names are refused, so that a misspelt setting never passes unnoticed. */
export function group<const T extends v.ObjectEntries>(doc: string, entries: T) {
  return v.pipe(v.optional(v.strictObject(entries, wrongEntry(Object.keys(entries))), {} as never), v.description(doc));
}

function wholeNumber(min: number, max: number) {
  return v.pipe(
    v.number('is not a number'),
    v.integer('is not a whole number'),
    v.minValue(min, `is less than ${min}`),
    v.maxValue(max, `is more than ${max}`),
  );
}

const MANY = 1_000_000_000;

/** A whole number within bounds. */
export function count(fallback: number, doc: string, min = 1, max = MANY) {
  return v.pipe(
    v.optional(wholeNumber(min, max), fallback),
    v.description(`${doc} ${max === MANY ? `At least ${min}.` : `${min} to ${max}.`}`),
  );
}

/** A whole number within bounds that is found out unless it is set. */
export function foundCount(doc: string, min: number, max: number) {
  return v.pipe(v.optional(wholeNumber(min, max)), v.description(`${doc} ${min} to ${max}; found out unless set.`));
}

export function flag(fallback: boolean, doc: string) {
  return v.pipe(v.optional(v.boolean('is neither true nor false'), fallback), v.description(`${doc} true or false.`));
}

export function oneOf<const T extends readonly string[]>(values: T, fallback: T[number], doc: string) {
  return v.pipe(
    v.optional(v.picklist(values, `is not one of ${values.join(', ')}`), fallback),
    v.description(`${doc} One of: ${values.join(', ')}.`),
  );
}

function words(max: number, ok: (text: string) => boolean, form: string) {
  return v.pipe(v.string(`is not ${form}`), v.maxLength(max, `is longer than ${max} characters`), v.check(ok, `is not ${form}`));
}

/** Text that `ok` accepts. `form` completes "is not ...". */
export function text(fallback: string, doc: string, max: number, ok: (text: string) => boolean, form: string) {
  return v.pipe(v.optional(words(max, ok, form), fallback), v.description(doc));
}

/** Text that `ok` accepts and that has no default. */
export function optionalText(doc: string, max: number, ok: (text: string) => boolean, form: string) {
  return v.pipe(v.optional(words(max, ok, form)), v.description(doc));
}

/** A list of texts that `ok` accepts. */
export function texts(doc: string, maxItems: number, ok: (text: string) => boolean, form: string) {
  return v.pipe(
    v.optional(v.pipe(v.array(words(300, ok, form), 'is not a list'), v.maxLength(maxItems, `has more than ${maxItems} items`)), []),
    v.description(doc),
  );
}

/** A list of named values that is found out unless it is set. */
export function foundList<const T extends readonly string[]>(values: T, doc: string) {
  const item = v.picklist(values, `is not one of ${values.join(', ')}`);
  return v.pipe(
    v.optional(v.pipe(v.array(item, 'is not a list'), v.maxLength(values.length, `has more than ${values.length} items`))),
    v.description(`${doc} List of: ${values.join(', ')}; found out unless set.`),
  );
}

/** Text that `ok` accepts and that has to be there. */
export function requiredText(doc: string, max: number, ok: (text: string) => boolean, form: string) {
  return v.pipe(words(max, ok, form), v.description(doc));
}

function groupList<const T extends v.ObjectEntries>(entries: T, minItems: number, maxItems: number) {
  return v.pipe(
    v.array(v.strictObject(entries, wrongEntry(Object.keys(entries))), 'is not a list'),
    v.minLength(minItems, `has less than ${minItems} items`),
    v.maxLength(maxItems, `has more than ${maxItems} items`),
  );
}

/** A list of groups that has to be there. */
export function groups<const T extends v.ObjectEntries>(doc: string, entries: T, minItems: number, maxItems: number) {
  return v.pipe(groupList(entries, minItems, maxItems), v.description(doc));
}

/** A list of groups that may be left out. */
export function optionalGroups<const T extends v.ObjectEntries>(doc: string, entries: T, maxItems: number) {
  return v.pipe(v.optional(groupList(entries, 0, maxItems), []), v.description(doc));
}
