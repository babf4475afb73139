/** The two Bluetooth libraries as they are installed, and of their methods what the bare programs use. */
import { createRequire } from 'node:module';

interface Events {
  on(event: string, listener: (...values: never[]) => void): void;
  once(event: string, listener: (...values: never[]) => void): void;
}

export interface NobleCharacteristic extends Events {
  readonly uuid: string;
  readAsync(): Promise<Buffer>;
  writeAsync(octets: Buffer, withoutResponse: boolean): Promise<void>;
  subscribeAsync(): Promise<void>;
}

export interface NoblePeripheral extends Events {
  readonly address: string;
  readonly rssi: number;
  readonly mtu: number | null;
  connectAsync(): Promise<void>;
  disconnectAsync(): Promise<void>;
  updateRssiAsync(): Promise<number>;
  discoverSomeServicesAndCharacteristicsAsync(
    services: readonly string[],
    characteristics: readonly string[],
  ): Promise<{ readonly characteristics: readonly NobleCharacteristic[] }>;
}

export interface Noble extends Events {
  startScanningAsync(services: readonly string[], allowDuplicates: boolean): Promise<void>;
  stopScanningAsync(): Promise<void>;
}

export interface BlenoCharacteristicOptions {
  readonly uuid: string;
  readonly properties: readonly string[];
  readonly secure?: readonly string[];
  readonly value?: Buffer;
  readonly onWriteRequest?: (octets: Buffer, offset: number, withoutResponse: boolean, done: (result: number) => void) => void;
  readonly onSubscribe?: (mostOctets: number, update: (octets: Buffer) => void) => void;
  readonly onUnsubscribe?: () => void;
}

export interface Bleno extends Events {
  readonly Characteristic: new (options: BlenoCharacteristicOptions) => object;
  readonly PrimaryService: new (options: { readonly uuid: string; readonly characteristics: readonly object[] }) => object;
  startAdvertising(name: string, services: readonly string[]): void;
  startAdvertisingWithEIRData(data: Buffer, scanResponse: Buffer): void;
  setServices(services: readonly object[]): void;
}

// They are the agent's dependencies and live beside it.
const load = createRequire(import.meta.resolve('@cpns/agent'));

/** @throws Error where the library is not installed or finds no Bluetooth */
export const loadNoble = (): Noble => load('@abandonware/noble') as Noble;

/** @throws Error where the library is not installed or finds no Bluetooth */
export const loadBleno = (): Bleno => load('@abandonware/bleno') as Bleno;
