import type { EventEmitter } from 'node:events';
import { type Clock, CpnsError } from '@cpns/shared';
import { BLE_UUID } from '@cpns/shared/messages';
import type { AdvertisingPayload, GattHandler, GattLink, Peripheral, PeripheralEvents } from './driver.js';
import { type CallOutcome, libraryCall } from './library-call.js';
import { guardLibrary } from './library-guard.js';
import { adapterReady } from './library-state.js';

/** How long each call may take, in milliseconds. */
const LIMITS = { advertiseMs: 2_000, servicesMs: 2_000, closeMs: 2_000 } as const;
const LEAST_MTU = 23;
const ATT_HEADER = 3;
/** ATT error codes. */
const SUCCESS = 0x00;
const INVALID_OFFSET = 0x07;

interface CharacteristicOptions {
  readonly uuid: string;
  readonly properties: readonly string[];
  readonly onWriteRequest?: (data: Buffer, offset: number, withoutResponse: boolean, answer: (result: number) => void) => void;
  readonly onReadRequest?: (offset: number, answer: (result: number, data?: Buffer) => void) => void;
  readonly onSubscribe?: (maxValueSize: number, update: (data: Buffer) => void) => void;
  readonly onUnsubscribe?: () => void;
}

interface Bleno extends EventEmitter {
  readonly Characteristic: new (options: CharacteristicOptions) => object;
  readonly PrimaryService: new (options: { readonly uuid: string; readonly characteristics: readonly object[] }) => object;
  setServices(services: readonly object[]): void;
  startAdvertisingWithEIRData(data: Buffer, scanResponse: Buffer): void;
  stopAdvertising(): void;
  disconnect(): void;
  readonly _bindings?: {
    readonly _handle?: number | null;
    readonly _hci?: {
      disconnect?(handle: number): void;
      readonly _aclOutQueue?: readonly unknown[];
      readonly _handleAclsInProgress?: Readonly<Record<number, number>>;
    };
  };
}

/** The central that is connected. */
interface Served {
  readonly address: string;
  handler: GattHandler;
  mtu: number;
  update: ((data: Buffer) => void) | undefined;
}

/** The role peripheral, by bleno. The adapter is chosen by the environment when the library is loaded. */
export class BlenoPeripheral implements Peripheral {
  readonly #clock: Clock;
  #bleno: Bleno | undefined;
  #events: PeripheralEvents | undefined;
  #entityId: Uint8Array = new Uint8Array(0);
  #served: Served | undefined;
  #closing = false;
  #lost = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(events: PeripheralEvents): Promise<void> {
    // Not a literal: the package is optional, also for the compiler.
    const name: string = '@abandonware/bleno';
    const { default: bleno } = (await import(name)) as { default: Bleno };
    this.#bleno = bleno;
    this.#events = events;
    guardLibrary(bleno);
    bleno.on('accept', (address: string) => this.#accepted(address));
    bleno.on('disconnect', () => this.#gone('the other device closed the connection or is out of reach'));
    bleno.on('mtuChange', (mtu: number) => {
      if (this.#served !== undefined) this.#served.mtu = Math.max(mtu, LEAST_MTU);
    });
    await adapterReady(bleno, this.#clock, (error) => this.#fail(error));
    await this.#call(LIMITS.servicesMs, 'The Bluetooth adapter does not take the service of CPNS.', ({ done }) => {
      bleno.once('servicesSet', done);
      bleno.setServices([this.#service(bleno)]);
      return () => bleno.off('servicesSet', done);
    });
  }

  advertise(payload: AdvertisingPayload | undefined): Promise<void> {
    const bleno = this.#library();
    const event = payload === undefined ? 'advertisingStop' : 'advertisingStart';
    return this.#call(LIMITS.advertiseMs, 'The Bluetooth adapter does not begin or end to advertise.', ({ done, fail }) => {
      const refused = (error: Error) =>
        fail(new CpnsError('Transport', 'RadioRefused', `The Bluetooth adapter does not advertise: ${error.message}.`, { cause: error }));
      bleno.once(event, done);
      bleno.once('advertisingStartError', refused);
      if (payload === undefined) bleno.stopAdvertising();
      else bleno.startAdvertisingWithEIRData(Buffer.from(payload.data), Buffer.from(payload.scanResponse));
      return () => {
        bleno.off(event, done);
        bleno.off('advertisingStartError', refused);
      };
    });
  }

  setEntityId(value: Uint8Array): void {
    this.#entityId = value;
  }

  #service(bleno: Bleno): object {
    const toPeripheral = new bleno.Characteristic({
      uuid: BLE_UUID.toPeripheral,
      properties: ['writeWithoutResponse'],
      onWriteRequest: (data, _offset, _withoutResponse, answer) => {
        answer(SUCCESS);
        this.#served?.handler.data(new Uint8Array(data));
      },
    });
    const toCentral = new bleno.Characteristic({
      uuid: BLE_UUID.toCentral,
      properties: ['notify'],
      onSubscribe: (_maxValueSize, update) => {
        if (this.#served !== undefined) this.#served.update = update;
      },
      onUnsubscribe: () => {
        if (this.#served !== undefined) this.#served.update = undefined;
      },
    });
    const entityId = new bleno.Characteristic({
      uuid: BLE_UUID.entityId,
      properties: ['read'],
      onReadRequest: (offset, answer) => {
        if (offset > this.#entityId.length) answer(INVALID_OFFSET);
        else answer(SUCCESS, Buffer.from(this.#entityId.subarray(offset)));
      },
    });
    return new bleno.PrimaryService({ uuid: BLE_UUID.service, characteristics: [toPeripheral, toCentral, entityId] });
  }

  #accepted(address: string): void {
    // The library serves one central; another one means that the end of the first was not told.
    this.#gone('another device took its place');
    const served: Served = { address, handler: { data: () => {}, closed: () => {} }, mtu: LEAST_MTU, update: undefined };
    this.#served = served;
    const isIdle = () => this.#served !== served || this.#isIdle();
    const link: GattLink = {
      address,
      get payloadOctets() {
        return served.mtu - ATT_HEADER;
      },
      get isIdle() {
        return isIdle();
      },
      write: (octets) => served.update?.(Buffer.from(octets.buffer, octets.byteOffset, octets.length)),
      close: () => {
        if (this.#served === served) void this.#close();
      },
    };
    served.handler = this.#events?.accepted(link) ?? served.handler;
  }

  #isIdle(): boolean {
    const hci = this.#library()._bindings?._hci;
    return (hci?._aclOutQueue ?? []).length === 0 && Object.values(hci?._handleAclsInProgress ?? {}).every((count) => count === 0);
  }

  #gone(reason: string): void {
    const served = this.#served;
    this.#served = undefined;
    if (served === undefined) return;
    served.update = undefined;
    served.handler.closed(this.#closing ? 'this device closed the connection' : reason);
  }

  async #close(): Promise<void> {
    if (this.#closing || this.#lost) return;
    const bleno = this.#library();
    this.#closing = true;
    try {
      await this.#call(LIMITS.closeMs, 'The Bluetooth adapter does not close a connection.', ({ done }) => {
        bleno.once('disconnect', done);
        // The library takes the handle 0, which some adapters begin with, for none.
        if (bleno._bindings?._handle === 0) bleno._bindings._hci?.disconnect?.(0);
        else bleno.disconnect();
        return () => bleno.off('disconnect', done);
      });
    } catch (error) {
      this.#fail(error as CpnsError);
    } finally {
      this.#closing = false;
    }
  }

  #call(ms: number, late: string, start: (outcome: CallOutcome<void>) => () => void): Promise<void> {
    return libraryCall<void>({ clock: this.#clock, ms, late }, start);
  }

  #library(): Bleno {
    if (this.#bleno === undefined) throw new CpnsError('Internal', 'RadioNotStarted', 'The Bluetooth library is not loaded.');
    return this.#bleno;
  }

  #fail(error: CpnsError): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#events?.failed(error);
  }
}
