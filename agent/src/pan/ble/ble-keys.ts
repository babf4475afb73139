import type { EntityId } from '@cpns/shared';

/** The keys behind hints (security 1.9), 16 octets each, as they are now. Read after every announcement, which every change brings about. */
export interface BleKeys {
  /** Under which this device is to be found: its own K_adv first, then those for peers that do not have it. */
  own(): readonly Uint8Array[];
  /** Under which each paired device may be found. */
  peers(): ReadonlyMap<EntityId, readonly Uint8Array[]>;
}
