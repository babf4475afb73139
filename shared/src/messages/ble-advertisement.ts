import { CpnsError } from '../errors.js';
import { Mode } from './mode.js';

/** The GATT profile of a CPNS device. */
export const BLE_UUID = {
  /** The one service. */
  service: '94710001-1fa1-4b78-a64c-07bd0d64c17b',
  /** Write without response: segments from the central. */
  toPeripheral: '94710002-1fa1-4b78-a64c-07bd0d64c17b',
  /** Notify: segments from the peripheral. */
  toCentral: '94710003-1fa1-4b78-a64c-07bd0d64c17b',
  /** Read: the entity id in UTF-8 while the pairing window is open, empty otherwise. */
  entityId: '94710004-1fa1-4b78-a64c-07bd0d64c17b',
} as const;

/** Version of the advertisement and of the profile. */
export const BLE_VERSION = 1;
const HINT_OCTETS = 6;
const SERVICE_DATA_OCTETS = 1 + HINT_OCTETS;
const UUID_OCTETS = 16;
const PAIRING_OPEN = 0x04;
const MODE = 0x03;
/** AD types (Bluetooth Core Specification Supplement, part A). */
const AD = { flags: 0x01, services: 0x07, serviceData: 0x21 } as const;
/** LE General Discoverable, BR/EDR not supported. */
const FLAGS = 0x06;

/** What a device says to everybody near. All of it is a hint: who it is, a link session shows. */
export interface BleAdvertisement {
  readonly mode: Mode;
  readonly pairingOpen: boolean;
  /** 6 octets that paired devices resolve; see security/ble-hint.ts. */
  readonly hint: Uint8Array;
}

/**
 * The service data: version (4 bits), a zero bit, pairing open (1 bit), mode (2 bits); the hint.
 * @throws CpnsError Internal/BadLength
 */
export function encodeBleServiceData({ mode, pairingOpen, hint }: BleAdvertisement): Uint8Array {
  if (hint.length !== HINT_OCTETS) throw new CpnsError('Internal', 'BadLength', 'A Bluetooth hint has 6 octets.');
  const octets = new Uint8Array(SERVICE_DATA_OCTETS);
  octets[0] = (BLE_VERSION << 4) | (pairingOpen ? PAIRING_OPEN : 0) | mode;
  octets.set(hint, 1);
  return octets;
}

/** Undefined for what is not an advertisement of this version: on air anybody may say anything. */
export function decodeBleServiceData(octets: Uint8Array): BleAdvertisement | undefined {
  const head = octets[0] ?? 0;
  if (octets.length !== SERVICE_DATA_OCTETS || (head & ~(PAIRING_OPEN | MODE)) !== BLE_VERSION << 4) return undefined;
  const mode = Object.values(Mode).find((value) => value === (head & MODE)) as Mode;
  return { mode, pairingOpen: (head & PAIRING_OPEN) !== 0, hint: octets.slice(1) };
}

/** The payload of legacy advertising, 28 of 31 octets: flags, and the service data with the UUID of the service. */
export function bleAdvertisingData(advertisement: BleAdvertisement): Uint8Array {
  const serviceData = encodeBleServiceData(advertisement);
  return Uint8Array.of(2, AD.flags, FLAGS, 1 + UUID_OCTETS + SERVICE_DATA_OCTETS, AD.serviceData, ...uuidOnAir(), ...serviceData);
}

/** The scan response, 18 of 31 octets: the complete list of services, for scanners that filter by it. No name, no id. */
export function bleScanResponse(): Uint8Array {
  return Uint8Array.of(1 + UUID_OCTETS, AD.services, ...uuidOnAir());
}

/** The UUID of the service as it travels: little-endian. */
function uuidOnAir(): number[] {
  const digits = BLE_UUID.service.replaceAll('-', '');
  return Array.from({ length: UUID_OCTETS }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16)).reverse();
}
