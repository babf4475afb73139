import type { CpnsError } from '@cpns/shared';

/*
 * What the radio asks of a Bluetooth stack. One driver of each role stands behind these ports; the rest of the radio knows no library.
 */

/** A GATT connection on which the characteristics of the CPNS service are at hand. */
export interface GattLink {
  /** `aa:bb:cc:dd:ee:ff`. */
  readonly address: string;
  /** What one value carries: ATT MTU less 3, at least 20. May grow. */
  readonly payloadOctets: number;
  /** Whether everything that was written has left, as far as the stack tells. */
  readonly isIdle: boolean;
  /** Hands one value to the stack, which keeps the order. On a link that is over, nothing happens. */
  write(octets: Uint8Array): void;
  /** Begins to disconnect; `closed` follows. */
  close(): void;
}

export interface GattHandler {
  /** One value of the peer. */
  data(octets: Uint8Array): void;
  /** Once. `reason` is a clause for people: "the other device is out of reach". */
  closed(reason: string): void;
}

export interface CentralEvents {
  /** Somebody advertises the CPNS service with this service data; every time it is heard. */
  heard(address: string, serviceData: Uint8Array, rssi: number): void;
  /** Somebody else ended the scan. */
  scanStopped(): void;
  /** Nothing works any more: all links are lost, and this process is of no use. */
  failed(error: CpnsError): void;
}

/** The role that scans and connects. */
export interface Central {
  /** Resolves when the adapter is ready. @throws CpnsError Config, Timeout, Transport */
  start(events: CentralEvents): Promise<void>;
  /** @throws CpnsError Timeout, Transport */
  scan(on: boolean): Promise<void>;
  /**
   * One attempt to connect to a device that was heard, find the characteristics and subscribe. Nothing is left of an attempt that failed.
   * @throws CpnsError Transport, Timeout, Codec, or the reason of `signal`
   */
  connect(address: string, handler: GattHandler, signal: AbortSignal): Promise<GattLink>;
  /** Connects, reads the characteristic *entity id*, disconnects. @throws CpnsError as {@link Central.connect} */
  readEntityId(address: string, signal: AbortSignal): Promise<Uint8Array>;
}

export interface PeripheralEvents {
  /** A central is connected. It may have subscribed or not; what is written before is dropped by the stack. */
  accepted(link: GattLink): GattHandler;
  /** Nothing works any more, as {@link CentralEvents.failed}. */
  failed(error: CpnsError): void;
}

/** What legacy advertising sends, each at most 31 octets. */
export interface AdvertisingPayload {
  readonly data: Uint8Array;
  readonly scanResponse: Uint8Array;
}

/** The role that advertises and is connected to, by one central at a time. */
export interface Peripheral {
  /** Resolves when the adapter is ready and the service is in place. @throws CpnsError Config, Timeout, Transport */
  start(events: PeripheralEvents): Promise<void>;
  /** Begins, changes or ends advertising. @throws CpnsError Timeout, Transport */
  advertise(payload: AdvertisingPayload | undefined): Promise<void>;
  /** What the characteristic *entity id* reads as from now on. */
  setEntityId(value: Uint8Array): void;
}
