import type { EntityId, PnId, SgId, UserId } from '@cpns/shared';
import type { OutgoingData, SendResult } from './admin-port.js';

/** What the admin side asks of the running enabler. Implemented by `enabler/`. */
export interface EnablerControl {
  /**
   * Revokes a device (protocol 0.17): one transaction, then its sessions, challenges, pending requests and broker connection are gone,
   * and the remaining members of its PNs are told. Resolves when durable and disconnected.
   * @throws CpnsError State/UnknownDevice
   */
  revokeDevice(entityId: EntityId): Promise<void>;
  /**
   * Gives a device that is in no PN to another user. Resolves when durable and disconnected; it connects anew by itself.
   * @throws CpnsError State/UnknownDevice, State/UnknownUser, State/DeviceRevoked, State/DeviceInPn
   */
  moveDevice(entityId: EntityId, userId: UserId): Promise<void>;
  /** Ends the connections of a user's devices, which connect anew and learn what their subscription is now. */
  renewConnections(userId: UserId): Promise<void>;
  /**
   * Removes a user whose devices are all revoked; with them go the PNs of which one was PN GW.
   * @throws CpnsError State/UnknownUser, State/UserHasDevices
   */
  removeUser(userId: UserId): Promise<void>;
  /** Removes a PN, and tells its PN GW and its members. Resolves when durable. @throws CpnsError State/UnknownPn */
  removePn(pnId: PnId): Promise<void>;
  /** Removes a service group, and tells its members. Resolves when durable. @throws CpnsError State/UnknownSg */
  removeGroup(sgId: SgId): Promise<void>;
  /** Members of that group come or go within moments. */
  isRekeying(sgId: SgId): boolean;
  /**
   * Puts application data into the outbox of an active device and sends it if the device is there. Resolves with `delivered` once the
   * device answered, or with `queued` after `waitMs`.
   * @throws CpnsError State/UnknownDevice, State/OutboxFull, State/NoSession when there is no way to that device at all,
   * State/MessageRefused by the device, State/MessageGone when the device was revoked meanwhile
   */
  sendData(data: OutgoingData, waitMs: number): Promise<SendResult>;
  /** Names and values for `/metrics`: sessions, open challenges, ... */
  gauges(): Readonly<Record<string, number>>;
}
