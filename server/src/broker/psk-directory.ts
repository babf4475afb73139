import type { EntityId } from '@cpns/shared';

/** Who may open a TLS-PSK connection, and with which key. Implemented by the key store. */
export interface PskDirectory {
  /** K_tls of the device's active EUKey (security 1.3); undefined when the device is unknown or revoked. Synchronous, as TLS is. */
  tlsKey(entityId: EntityId): Uint8Array | undefined;
}
