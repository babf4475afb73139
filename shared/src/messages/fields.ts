import { isCpnsId, isEntityId, isKeyId, isServerId, isUserId } from '../ids.js';
import { bytes, oneOf, text, uint } from './schema.js';
import { Status } from './status.js';

/** Field schemas that many messages share. */
export const entityIdField = text(32, isEntityId, 'entity id');
export const serverIdField = text(64, isServerId, 'server id');
export const keyIdField = text(16, isKeyId, 'kid');
export const cpnsIdField = text(21, isCpnsId, 'CPNS ID');
export const userIdField = text(32, isUserId, 'user id');
/** The 16 raw octets of a PN ID. */
export const pnIdField = bytes(16);
/** The 16 raw octets of an SG ID. */
export const sgIdField = bytes(16);
export const nonceField = bytes(32);
export const publicKeyField = bytes(32);
/** An X25519 public value, or empty when none is offered. */
export const offeredKeyField = bytes(0, 32);
export const macField = bytes(32);
/** A wrapped LocalEUKey, or empty when none was asked for. */
export const wrappedKeyField = bytes(0, 48);
/** Device Capabilities octets; relays forward them untouched. */
export const capabilitiesField = bytes(1, 512);
/** Request octets: what the hello asks for; relays forward them untouched. */
export const requestField = bytes(1, 4096);
/** One record of the SK channel, opaque to relays. */
export const recordField = bytes(44, 16_384);
export const statusField = oneOf(Status);
export const versionField = uint(0xffffffff);
/** Epochs and inventory versions: u64 in formulas, below 2^53 in practice. */
export const epochField = uint();
export const retryAfterField = uint(600_000);
