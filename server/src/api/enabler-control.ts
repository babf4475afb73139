import type { EntityId } from '@cpns/shared';
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
   * Puts application data into the outbox of an active device and sends it if the device is there. Resolves with `delivered` once the
   * device answered, or with `queued` after `waitMs`.
   * @throws CpnsError State/UnknownDevice, State/OutboxFull, State/NoSession when there is no way to that device at all,
   * State/MessageRefused by the device, State/MessageGone when the device was revoked meanwhile
   */
  sendData(data: OutgoingData, waitMs: number): Promise<SendResult>;
  /** Names and values for `/metrics`: sessions, open challenges, ... */
  gauges(): Readonly<Record<string, number>>;
}
