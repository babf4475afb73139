import type { EntityId, KeyId, ServerId } from '@cpns/shared';

/** One EUKey as stored: the PRK is sealed under the master key with the kid as associated data. */
export interface EuKeyRow {
  readonly kid: KeyId;
  readonly entityId: EntityId;
  /** AES-256-SIV of PRK; 48 octets. */
  readonly sealed: Uint8Array;
  /** At most one row of an entity is active. Revoked and replaced keys stay, inactive, so that a kid is never used again. */
  readonly active: boolean;
}

/** The server's own identity: ID_S and its Ed25519 signing keys. */
export interface ServerIdentityRow {
  readonly serverId: ServerId;
  /** Number of the signing key, as in `serverKeys` (security 1.3). */
  readonly signingKeyId: number;
  /** AES-256-SIV of the Ed25519 seed; 48 octets. */
  readonly sealedSeed: Uint8Array;
}

/**
 * Storage of the key store, implemented by the inventory. Reads are synchronous, since TLS asks for a key in the midst of a handshake.
 * Writes are durable when they return. Implementations that take part in a larger transaction (adding a device, revoking one) are
 * bound to it by whoever opens the transaction.
 */
export interface KeyRows {
  euKeyByKid(kid: KeyId): EuKeyRow | undefined;
  /** The active row of that entity. */
  activeEuKey(entityId: EntityId): EuKeyRow | undefined;
  /**
   * Adds a row; with `active`, rows of the same entity become inactive in the same transaction.
   * @throws CpnsError State/DuplicateKey when the kid exists
   */
  addEuKey(row: EuKeyRow): void;
  /** Makes every row of that entity inactive. */
  deactivateEuKeys(entityId: EntityId): void;
  serverIdentity(): ServerIdentityRow | undefined;
  /** Written once, at the first start. @throws CpnsError State/DuplicateKey when there is one */
  putServerIdentity(row: ServerIdentityRow): void;
}
