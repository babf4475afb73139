import { Mode } from './messages/mode.js';
import { fromOctets, toOctets } from './messages/octets.js';
import { bool, field, type Infer, list, oneOf, optional, struct, text, uint } from './messages/schema.js';

/** Kinds of network that a device is attached to. */
export const NetworkKind = { Ethernet: 1, Wifi: 2, Cellular: 3, Other: 4 } as const;
/** PAN technologies that a device has. */
export const PanKind = { Ble: 1, Lan: 2, Qr: 3 } as const;

/**
 * Device Capabilities (seed 002 B.1: "mode information has to be included in the device capabilities"; fields are ours). They travel
 * as octets that nobody re-encodes: both ends of an election score the very octets that were exchanged.
 */
export const deviceCapabilities = struct({
  mode: field(1, oneOf(Mode)),
  mains: field(2, bool),
  /** 0 to 100; without a battery 100. */
  batteryPercent: field(3, uint(100)),
  cores: field(4, uint(4096)),
  memoryMiB: field(5, uint(0xffffffff)),
  networks: field(6, list(oneOf(NetworkKind), 8)),
  /** The last TLS-PSK connect with the own EUKey came through. */
  reachesServer: field(7, bool),
  /** Age of that knowledge in seconds. */
  reachesServerAgeS: field(8, uint(0xffffffff)),
  panTechnologies: field(9, list(oneOf(PanKind), 8)),
  /** A person can be asked at this device. */
  ui: field(10, bool),
  /** Zone based PN GW (seed 003 6.4, note 2). */
  zone: field(11, bool),
  /** The subscription allows it to be PN GW. */
  subscribed: field(12, bool),
  canRoute: field(13, bool),
  /** The owner's wish, 0 to 3. */
  preference: field(14, uint(3)),
  pairedPnes: field(15, uint(1000)),
  /** What people call the device. */
  name: optional(16, text(64)),
});
export type DeviceCapabilities = Infer<typeof deviceCapabilities>;

export function encodeCapabilities(value: DeviceCapabilities): Uint8Array {
  return toOctets(deviceCapabilities, value);
}

/** @throws CpnsError Codec/BadMessage */
export function decodeCapabilities(octets: Uint8Array): DeviceCapabilities {
  return fromOctets(deviceCapabilities, octets, 'Device Capabilities');
}
