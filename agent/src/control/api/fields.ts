import { type EntityId, isEntityId, isPnId, isSgId, type PnId, type SgId } from '@cpns/shared';
import * as v from 'valibot';

/** Schemas of parameters that several methods share. Texts are bounded before anything looks at them. */
export const entityIdParam = v.custom<EntityId>(
  (value) => typeof value === 'string' && isEntityId(value),
  'must be an entity id: 3 to 32 characters of a-z, 0-9 and "-"',
);

export const pnIdParam = v.custom<PnId>((value) => typeof value === 'string' && isPnId(value), 'must be a PN ID: 32 lower-case hex digits');

export const sgIdParam = v.custom<SgId>(
  (value) => typeof value === 'string' && isSgId(value),
  'must be an SG ID: 32 lower-case hex digits',
);

/** Whole milliseconds from 1 to `maxMs`. */
export function durationParam(maxMs: number) {
  return v.pipe(
    v.number('must be a number of milliseconds'),
    v.integer('must be whole milliseconds'),
    v.minValue(1, 'must be at least 1 ms'),
    v.maxValue(maxMs, `must be at most ${maxMs} ms`),
  );
}

/** Text of 1 to `max` UTF-16 units without control characters. */
export function textParam(max: number) {
  return v.pipe(
    v.string('must be text'),
    v.minLength(1, 'must not be empty'),
    v.maxLength(max, `must have at most ${max} characters`),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is being refused
    v.regex(/^[^\u0000-\u001f\u007f]*$/, 'must not hold control characters'),
  );
}

export const noParams = v.strictObject({});
