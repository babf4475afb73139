import type { EventEmitter } from 'node:events';
import { type Clock, CpnsError } from '@cpns/shared';
import { BLE_UUID } from '@cpns/shared/messages';
import type { Central, CentralEvents, GattHandler, GattLink } from './driver.js';
import { hciReason } from './hci-reasons.js';
import { type CallLimits, type CallOutcome, libraryCall } from './library-call.js';
import { guardLibrary } from './library-guard.js';
import { adapterReady } from './library-state.js';

/** How long each call may take, in milliseconds. */
const LIMITS = { scanMs: 2_000, connectMs: 5_000, discoverMs: 5_000, subscribeMs: 3_000, readMs: 3_000, closeMs: 2_000 } as const;
/** Devices that the library remembers; it never forgets one by itself. */
const REMEMBERED = 512;
const LEAST_MTU = 23;
const ATT_HEADER = 3;

const SERVICE = plain(BLE_UUID.service);
const TO_PERIPHERAL = plain(BLE_UUID.toPeripheral);
const TO_CENTRAL = plain(BLE_UUID.toCentral);
const ENTITY_ID = plain(BLE_UUID.entityId);

interface Characteristic extends EventEmitter {
  readonly uuid: string;
  write(data: Buffer, withoutResponse: boolean): void;
  subscribe(): void;
  read(): void;
}

interface Device extends EventEmitter {
  readonly id: string;
  readonly address: string;
  readonly rssi: number;
  readonly state: string;
  readonly mtu: number | null;
  readonly advertisement: { readonly serviceData?: readonly { readonly uuid: string; readonly data: Buffer }[] };
  connect(): void;
  cancelConnect(): void;
  disconnect(): void;
  discoverSomeServicesAndCharacteristics(
    services: readonly string[],
    characteristics: readonly string[],
    callback: (error: unknown, services: unknown, characteristics: readonly Characteristic[] | null) => void,
  ): void;
}

type Memory = Record<string, unknown>;

/** The library, with the memories inside that must be kept small from outside. */
interface Noble extends EventEmitter {
  startScanning(services: readonly string[], allowDuplicates: boolean): void;
  stopScanning(): void;
  readonly _peripherals?: Memory;
  readonly _services?: Memory;
  readonly _characteristics?: Memory;
  readonly _descriptors?: Memory;
  readonly _discoveredPeripheralUUids?: Memory;
  readonly _bindings?: {
    readonly _addresses?: Memory;
    readonly _addresseTypes?: Memory;
    readonly _connectable?: Memory;
    readonly scannable?: Memory;
    readonly _gap?: { readonly _discoveries?: Memory };
    /** The number of the connection to each device. */
    readonly _handles?: Readonly<Record<string, number>>;
    readonly _hci?: {
      readonly _aclQueue?: readonly { readonly handle: number }[];
      readonly _aclConnections?: ReadonlyMap<number, { readonly pending: number }>;
    };
  };
}

/** The role central, by noble. The adapter is chosen by the environment when the library is loaded. */
export class NobleCentral implements Central {
  readonly #clock: Clock;
  readonly #devices = new Map<string, Device>();
  #noble: Noble | undefined;
  #events: CentralEvents | undefined;
  #scanning = false;
  #lost = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(events: CentralEvents): Promise<void> {
    // Not a literal: the package is optional, also for the compiler.
    const name: string = '@abandonware/noble';
    const { default: noble } = (await import(name)) as { default: Noble };
    this.#noble = noble;
    this.#events = events;
    guardLibrary(noble);
    noble.on('discover', (device: Device) => this.#heard(device));
    noble.on('scanStop', () => {
      if (this.#scanning) events.scanStopped();
      this.#scanning = false;
    });
    await new Promise<void>((resolve, reject) => {
      // The library tells of an adapter that it cannot open in this way only.
      noble.on('warning', (text: string) =>
        reject(new CpnsError('Transport', 'RadioRefused', `The Bluetooth adapter cannot be opened: ${text}.`)),
      );
      adapterReady(noble, this.#clock, (error) => this.#fail(error)).then(resolve, reject);
    });
  }

  scan(on: boolean): Promise<void> {
    const noble = this.#library();
    const event = on ? 'scanStart' : 'scanStop';
    this.#forgetMany();
    this.#scanning = false;
    return this.#call({ ms: LIMITS.scanMs, late: 'The Bluetooth adapter does not begin or end to listen.' }, ({ done }) => {
      const settled = () => {
        this.#scanning = on;
        done();
      };
      noble.once(event, settled);
      if (on) noble.startScanning([SERVICE], true);
      else noble.stopScanning();
      return () => noble.off(event, settled);
    });
  }

  async connect(address: string, handler: GattHandler, signal: AbortSignal): Promise<GattLink> {
    const device = await this.#open(address, signal);
    try {
      const found = await this.#discover(device, signal);
      const [inward, outward] = [found.get(TO_CENTRAL), found.get(TO_PERIPHERAL)];
      if (inward === undefined || outward === undefined) throw noCpns();
      await this.#ask(device, { ms: LIMITS.subscribeMs, late: silent('to listen'), signal }, ({ done }) => {
        inward.once('notify', done);
        inward.subscribe();
        return () => inward.off('notify', done);
      });
      return this.#link(device, inward, outward, handler);
    } catch (error) {
      await this.#close(device);
      throw error;
    }
  }

  async readEntityId(address: string, signal: AbortSignal): Promise<Uint8Array> {
    const device = await this.#open(address, signal);
    try {
      const id = (await this.#discover(device, signal)).get(ENTITY_ID);
      if (id === undefined) throw noCpns();
      return await this.#ask<Uint8Array>(device, { ms: LIMITS.readMs, late: silent('its name'), signal }, ({ done }) => {
        const read = (data: Buffer) => done(new Uint8Array(data));
        id.once('read', read);
        id.read();
        return () => id.off('read', read);
      });
    } finally {
      await this.#close(device);
    }
  }

  #link(device: Device, inward: Characteristic, outward: Characteristic, handler: GattHandler): GattLink {
    let over = false;
    const isIdle = () => over || this.#isIdle(device);
    const data = (octets: Buffer) => handler.data(new Uint8Array(octets));
    inward.on('data', data);
    device.once('disconnect', (reason: number | undefined) => {
      over = true;
      inward.off('data', data);
      handler.closed(hciReason(reason));
    });
    return {
      address: device.address,
      get payloadOctets() {
        return Math.max(device.mtu ?? 0, LEAST_MTU) - ATT_HEADER;
      },
      get isIdle() {
        return isIdle();
      },
      write(octets) {
        if (!over) outward.write(Buffer.from(octets.buffer, octets.byteOffset, octets.length), true);
      },
      close: () => {
        if (!over) void this.#close(device);
      },
    };
  }

  #isIdle({ id }: Device): boolean {
    const { _handles: handles, _hci: hci } = this.#library()._bindings ?? {};
    const own = handles?.[id];
    if (own === undefined) return true;
    return (hci?._aclConnections?.get(own)?.pending ?? 0) === 0 && !hci?._aclQueue?.some(({ handle }) => handle === own);
  }

  /** Connects. Nothing is left of it when it fails: the library would let its late answer settle the next attempt. */
  async #open(address: string, signal: AbortSignal): Promise<Device> {
    const device = this.#devices.get(address);
    if (device === undefined)
      throw new CpnsError('Transport', 'NotHeard', 'The other device is not heard over Bluetooth; bring it nearer.');
    if (device.state === 'connected') throw new CpnsError('State', 'LinkedAlready', 'This device is connected to the other one already.');
    try {
      await this.#call<void>(
        { ms: LIMITS.connectMs, late: 'The other device does not answer over Bluetooth; bring it nearer.', signal },
        (outcome) => {
          const connected = (error: Error | null | undefined) => (error ? outcome.fail(notConnected(error)) : outcome.done());
          device.once('connect', connected);
          device.connect();
          return () => device.off('connect', connected);
        },
      );
      return device;
    } catch (error) {
      if (device.state === 'connecting') await this.#cancel(device);
      throw error;
    }
  }

  async #cancel(device: Device): Promise<void> {
    try {
      await this.#call<void>({ ms: LIMITS.closeMs, late: 'The Bluetooth adapter does not stop connecting.' }, ({ done }) => {
        // The library says so itself at once, and once more when the adapter has answered: that is the one to wait for.
        device.cancelConnect();
        device.once('connect', done);
        return () => device.off('connect', done);
      });
      if (device.state === 'connected') await this.#close(device);
    } catch (error) {
      this.#fail(error as CpnsError);
    }
  }

  async #close(device: Device): Promise<void> {
    if (this.#lost || (device.state !== 'connected' && device.state !== 'disconnecting')) return;
    try {
      await this.#call<void>({ ms: LIMITS.closeMs, late: 'The Bluetooth adapter does not close a connection.' }, ({ done }) => {
        device.once('disconnect', done);
        if (device.state === 'connected') device.disconnect();
        return () => device.off('disconnect', done);
      });
    } catch (error) {
      this.#fail(error as CpnsError);
    }
  }

  async #discover(device: Device, signal: AbortSignal): Promise<Map<string, Characteristic>> {
    const limits = { ms: LIMITS.discoverMs, late: silent('what it offers'), signal };
    const found = await this.#ask<readonly Characteristic[]>(device, limits, ({ done, fail }) => {
      device.discoverSomeServicesAndCharacteristics([SERVICE], [TO_PERIPHERAL, TO_CENTRAL, ENTITY_ID], (error, _, characteristics) => {
        if (error || characteristics === null) fail(noCpns());
        else done(characteristics);
      });
      return () => device.removeAllListeners('servicesDiscover');
    });
    return new Map(found.map((characteristic) => [characteristic.uuid, characteristic]));
  }

  /** A call that also ends when the connection does. */
  #ask<T>(device: Device, limits: Omit<CallLimits, 'clock'>, start: (outcome: CallOutcome<T>) => () => void): Promise<T> {
    return this.#call<T>(limits, (outcome) => {
      const gone = (reason: number | undefined) =>
        outcome.fail(new CpnsError('Transport', 'LinkLost', `The connection over Bluetooth was lost: ${hciReason(reason)}.`));
      device.once('disconnect', gone);
      let forget = () => {};
      if (device.state === 'connected') forget = start(outcome);
      else gone(undefined);
      return () => {
        device.off('disconnect', gone);
        forget();
      };
    });
  }

  #call<T>(limits: Omit<CallLimits, 'clock'>, start: (outcome: CallOutcome<T>) => () => void): Promise<T> {
    return libraryCall<T>({ ...limits, clock: this.#clock }, start);
  }

  #heard(device: Device): void {
    const data = device.advertisement.serviceData?.find(({ uuid }) => uuid === SERVICE)?.data;
    if (data === undefined) return;
    this.#forgetMany();
    this.#devices.set(device.address, device);
    this.#events?.heard(device.address, new Uint8Array(data), device.rssi);
  }

  /** Whoever sends from ever new addresses must not fill the memory. */
  #forgetMany(): void {
    const noble = this.#library();
    const seen = noble._bindings?._gap?._discoveries ?? {};
    if (this.#devices.size < REMEMBERED && Object.keys(seen).length < REMEMBERED) return;
    for (const address of Object.keys(seen)) delete seen[address];
    for (const [address, { id, state }] of this.#devices) {
      if (state === 'connected' || state === 'connecting' || state === 'disconnecting') continue;
      this.#devices.delete(address);
      const { _peripherals, _services, _characteristics, _descriptors, _discoveredPeripheralUUids, _bindings: inside } = noble;
      const memories = [_peripherals, _services, _characteristics, _descriptors, _discoveredPeripheralUUids];
      memories.push(inside?._addresses, inside?._addresseTypes, inside?._connectable, inside?.scannable);
      for (const memory of memories) if (memory !== undefined) delete memory[id];
    }
  }

  #library(): Noble {
    if (this.#noble === undefined) throw new CpnsError('Internal', 'RadioNotStarted', 'The Bluetooth library is not loaded.');
    return this.#noble;
  }

  #fail(error: CpnsError): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#events?.failed(error);
  }
}

/** As the library writes a UUID. */
function plain(uuid: string): string {
  return uuid.replaceAll('-', '');
}

function silent(what: string): string {
  return `The other device was asked ${what} over Bluetooth and did not answer.`;
}

function noCpns(): CpnsError {
  return new CpnsError('Codec', 'NotCpns', 'The other device does not offer CPNS over Bluetooth; update it.', { retryable: true });
}

/** The library knows the reason as text only: "... (0x3e)". */
function notConnected(error: Error): CpnsError {
  const code = /\(0x([0-9a-f]{1,2})\)/.exec(error.message)?.[1];
  const reason = hciReason(code === undefined ? undefined : Number.parseInt(code, 16));
  return new CpnsError('Transport', 'NotConnected', `The other device was not connected to over Bluetooth: ${reason}.`, { cause: error });
}
