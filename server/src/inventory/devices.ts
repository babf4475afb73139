import type { CpnsId, EntityId, UserId } from '@cpns/shared';

/** One enrolled device. */
export interface DeviceRecord {
  readonly entityId: EntityId;
  readonly userId: UserId;
  readonly subscriptionId: string;
  readonly state: 'active' | 'revoked';
  /** Allocated at the first registration and never changed (seed 001 1.4). */
  readonly cpnsId: CpnsId | undefined;
  /** Device Capabilities octets as last reported outside of any PN. */
  readonly capabilities: Uint8Array | undefined;
  /** Contents octets as last reported outside of any PN. */
  readonly contents: Uint8Array | undefined;
  /** Last sign of life, milliseconds since 1970. Undefined: the device has not been here yet. */
  readonly lastSeenMs: number | undefined;
  /** Last successful Connection setup as PN GW, milliseconds since 1970. */
  readonly authenticatedMs: number | undefined;
}

export interface DeviceReads {
  find(entityId: EntityId): DeviceRecord | undefined;
  /** By entity id; of one user, or of all. */
  list(userId?: UserId): readonly DeviceRecord[];
  /** Those of `candidates` that are active devices of that user, in their order (seed 002 steps 20, 21). */
  activeOf(userId: UserId, candidates: readonly EntityId[]): readonly EntityId[];
  /** Devices of that user that are not revoked. */
  countActive(userId: UserId): number;
}

export interface Devices extends DeviceReads {
  /**
   * Adds a device; a revoked one of the same user is taken in again, under the new key that goes with it.
   * @throws CpnsError State/UnknownUser, State/DuplicateDevice
   */
  add(entityId: EntityId, userId: UserId): DeviceRecord;
  /** @throws CpnsError State/UnknownDevice */
  revoke(entityId: EntityId): void;
  /** The CPNS ID of that device, drawn when it has none yet. @throws CpnsError State/UnknownDevice */
  cpnsIdOf(entityId: EntityId): CpnsId;
  /** What the device reports of itself. `contents` undefined: they stay as they are. */
  report(entityId: EntityId, capabilities: Uint8Array, contents?: Uint8Array): void;
  /** A sign of life, now. */
  seen(entityId: EntityId): void;
  /** Connection setup succeeded, now. */
  authenticated(entityId: EntityId): void;
}
