import { CpnsError } from './errors.js';

declare const brand: unique symbol;
type Branded<T, B extends string> = T & { readonly [brand]: B };

/** The one identity of a device, `[a-z0-9-]{3,32}` and never 16 hex digits, given at enrolment; it never changes (protocol: identifiers). */
export type EntityId = Branded<string, 'EntityId'>;
/** The identity of a CPNS Server, ID_S; same form as a host name, 1 to 64 characters `[a-z0-9.-]`. */
export type ServerId = Branded<string, 'ServerId'>;
/** Public id of a EUKey: 16 lower-case hex digits, derived from the key. */
export type KeyId = Branded<string, 'KeyId'>;
/** A PN as 32 lower-case hex digits; formulas take its 16 raw octets ({@link pnIdBytes}). */
export type PnId = Branded<string, 'PnId'>;
/** A service group as 32 lower-case hex digits. */
export type SgId = Branded<string, 'SgId'>;
/** Id that the server allocates at the first registration; stable per entity id. `cpns-` and 16 hex digits. */
export type CpnsId = Branded<string, 'CpnsId'>;
/** A person or household on the server, `[a-z0-9][a-z0-9._-]{0,31}`. */
export type UserId = Branded<string, 'UserId'>;

const HEX16 = /^[0-9a-f]{16}$/;
const HEX32 = /^[0-9a-f]{32}$/;

export function isEntityId(text: string): text is EntityId {
  return /^[a-z0-9-]{3,32}$/.test(text) && !HEX16.test(text);
}
export function isServerId(text: string): text is ServerId {
  return /^[a-z0-9.-]{1,64}$/.test(text);
}
export function isKeyId(text: string): text is KeyId {
  return HEX16.test(text);
}
export function isPnId(text: string): text is PnId {
  return HEX32.test(text);
}
export function isSgId(text: string): text is SgId {
  return HEX32.test(text);
}
export function isCpnsId(text: string): text is CpnsId {
  return /^cpns-[0-9a-f]{16}$/.test(text);
}
export function isUserId(text: string): text is UserId {
  return /^[a-z0-9][a-z0-9._-]{0,31}$/.test(text);
}

function checked<T extends string>(text: string, ok: (text: string) => text is T, what: string, form: string): T {
  if (ok(text)) return text;
  throw new CpnsError('Config', 'BadId', `"${text.slice(0, 64)}" is not a valid ${what}: use ${form}.`);
}

/** @throws CpnsError Config/BadId */
export const entityId = (text: string): EntityId =>
  checked(text, isEntityId, 'entity id', '3 to 32 characters of a-z, 0-9 and "-", but not 16 hex digits');
/** @throws CpnsError Config/BadId */
export const serverId = (text: string): ServerId => checked(text, isServerId, 'server id', '1 to 64 characters of a-z, 0-9, "." and "-"');
/** @throws CpnsError Config/BadId */
export const keyId = (text: string): KeyId => checked(text, isKeyId, 'key id', '16 lower-case hex digits');
/** @throws CpnsError Config/BadId */
export const sgId = (text: string): SgId => checked(text, isSgId, 'SG ID', '32 lower-case hex digits');
/** @throws CpnsError Config/BadId */
export const pnId = (text: string): PnId => checked(text, isPnId, 'PN ID', '32 lower-case hex digits');
/** @throws CpnsError Config/BadId */
export const userId = (text: string): UserId =>
  checked(text, isUserId, 'user id', '1 to 32 characters of a-z, 0-9, ".", "_" and "-", beginning with a letter or digit');
