import { CpnsError, type EntityId, isChannel, isEntityId, isPnId, isSgId, isUserId, type PnId, type SgId, type UserId } from '@cpns/shared';
import { MAX_PAYLOAD } from '@cpns/shared/messages';
import * as v from 'valibot';
import { CHARGE_POLICIES, GUEST_POLICIES } from '../inventory/users.js';
import { PROOF_NONCE } from './admin-access.js';

/*
 * Everything that may stand in a request of the admin API. Types come from the schemas; unknown names are refused. Messages complete the
 * sentence "NAME ...".
 */

const SENTENCE = {
  entityId: 'is not an entity id: use 3 to 32 characters of a-z, 0-9 and "-", but not 16 hex digits',
  userId: 'is not a user id: use 1 to 32 characters of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit',
  pnId: 'is not a PN ID: use 32 lower-case hex digits',
  sgId: 'is not an SG ID: use 32 lower-case hex digits',
  channel: 'is not a channel: use 1 to 32 characters of A-Z, a-z, 0-9, ".", "_" and "-"',
  contentType: 'is not a content type such as text/plain, of at most 64 characters',
  base64: 'is not base64',
} as const;

const LONGEST_WAIT_MS = 60_000;
const LONGEST_BASE64 = Math.ceil(MAX_PAYLOAD / 3) * 4;

const text = <T extends string>(test: (value: string) => value is T, sentence: string) =>
  v.custom<T>((value) => typeof value === 'string' && test(value), sentence);
const matching = (form: RegExp, sentence: string) => v.pipe(v.string(sentence), v.regex(form, sentence));

const entityId = text<EntityId>(isEntityId, SENTENCE.entityId);
const userId = text<UserId>(isUserId, SENTENCE.userId);
const pnId = text<PnId>(isPnId, SENTENCE.pnId);
const sgId = text<SgId>(isSgId, SENTENCE.sgId);
const channel = v.pipe(v.string(SENTENCE.channel), v.check(isChannel, SENTENCE.channel));
const contentType = matching(/^[\w.+-]{1,30}\/[\w.+-]{1,30}(?:; ?[\w=.-]{1,20})?$/, SENTENCE.contentType);
const service = matching(/^[a-z0-9][a-z0-9._-]{0,31}$/, 'has a service that is not 1 to 32 characters of a-z, 0-9, ".", "_" and "-"');
const flag = v.boolean('is neither true nor false');

export const userParams = v.strictObject({ userId });
export const deviceParams = v.strictObject({ entityId });
export const pnParams = v.strictObject({ pnId });
export const groupParams = v.strictObject({ sgId });

const services = v.pipe(v.array(service, 'is not a list'), v.maxLength(32, 'has more than 32 services'));
const time = v.pipe(
  v.string('is not a time'),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'is not a time such as 2026-01-31'),
);

export const newUser = v.strictObject({ userId, services, chargeable: flag });

export const userChange = v.strictObject({
  addServices: v.optional(services),
  removeServices: v.optional(services),
  chargeable: v.optional(flag),
});

export const policyChange = v.strictObject({
  guests: v.optional(v.picklist(GUEST_POLICIES, `is none of ${GUEST_POLICIES.join(', ')}`)),
  chargeElsewhere: v.optional(v.picklist(CHARGE_POLICIES, `is none of ${CHARGE_POLICIES.join(', ')}`)),
});

/** Of an open invitation; withdrawn by the same without `until`. */
export const invitation = v.strictObject({ device: v.optional(entityId), user: v.optional(userId), pnId: v.optional(pnId) });
export const newInvitation = v.strictObject({ ...invitation.entries, until: v.optional(time) });

export const newOwner = v.strictObject({ userId });

export const newDevice = v.strictObject({ entityId, userId });

export const proofQuery = v.strictObject({ nonce: matching(PROOF_NONCE, 'is not 64 hex digits') });

export const deviceQuery = v.strictObject({ user: v.optional(userId) });

export const chargingQuery = v.strictObject({
  since: v.optional(time),
  after: v.optional(v.pipe(matching(/^\d{1,15}$/, 'is not a number'), v.transform(Number))),
});

export const message = v.strictObject({
  to: entityId,
  channel,
  contentType,
  payload: v.pipe(
    v.string(SENTENCE.base64),
    v.maxLength(LONGEST_BASE64, `has more than ${MAX_PAYLOAD} octets; send larger content in parts`),
    v.base64(SENTENCE.base64),
    v.transform((base64) => new Uint8Array(Buffer.from(base64, 'base64'))),
    v.check((octets) => octets.length <= MAX_PAYLOAD, `has more than ${MAX_PAYLOAD} octets; send larger content in parts`),
  ),
  waitMs: v.pipe(
    v.number('is not a number'),
    v.integer('is not a whole number'),
    v.minValue(0, 'is less than 0'),
    v.maxValue(LONGEST_WAIT_MS, `is more than ${LONGEST_WAIT_MS}`),
  ),
});

export const watchQuery = v.strictObject({
  entity: v.optional(entityId),
  channel: v.optional(channel),
  kind: v.optional(v.picklist(['data', 'event'], 'is neither data nor event')),
  past: v.optional(v.pipe(matching(/^(?:[1-9]?\d|100)$/, 'is not a number from 0 to 100'), v.transform(Number))),
});

/** `value` as the schema has it. @throws CpnsError Config/BadRequest naming what is wrong */
export function parsed<T extends v.GenericSchema>(schema: T, value: unknown): v.InferOutput<T> {
  const checked = v.safeParse(schema, value);
  if (checked.success) return checked.output;
  const [issue] = checked.issues;
  const path = (issue.path ?? []).map((item) => String(item.key)).join('.');
  const detail = issue.expected === 'never' ? 'is not known here' : issue.received === 'undefined' ? 'is missing' : issue.message;
  throw new CpnsError('Config', 'BadRequest', path === '' ? 'The request is not a JSON object.' : `"${path.slice(0, 64)}" ${detail}.`);
}
