import { CpnsError } from '@cpns/shared';
import type {
  AdvertisingPayload,
  Central,
  CentralEvents,
  GattHandler,
  GattLink,
  Peripheral,
  PeripheralEvents,
} from '../../../../src/pan/ble/radio/driver.js';

/** One end of a GATT connection in memory. */
export class FakeGatt implements GattLink {
  payloadOctets = 253;
  isIdle = true;
  readonly written: Uint8Array[] = [];
  handler: GattHandler | undefined;
  /** Where values go; absent: nowhere. */
  peer: FakeGatt | undefined;
  closing = false;

  constructor(readonly address: string) {}

  write(octets: Uint8Array): void {
    this.written.push(octets);
    const { peer } = this;
    if (peer !== undefined) queueMicrotask(() => peer.handler?.data(octets));
  }
  close(): void {
    this.closing = true;
    this.end('this device closed the connection');
    this.peer?.end('the other device closed the connection');
  }
  end(reason: string): void {
    const { handler } = this;
    this.handler = undefined;
    handler?.closed(reason);
  }
}

type Connect = (address: string, handler: GattHandler, signal: AbortSignal) => Promise<GattLink>;

/** A stack of both roles that does what it is told, unless a test says otherwise. */
export class FakeStack {
  scanning = false;
  advertised: AdvertisingPayload | undefined;
  entityId = new Uint8Array(0);
  centralEvents: CentralEvents | undefined;
  peripheralEvents: PeripheralEvents | undefined;
  connect: Connect = () => Promise.reject(new CpnsError('Transport', 'NotConnected', 'The other device was not reached.'));
  readName: (address: string) => Promise<Uint8Array> = () => Promise.resolve(new Uint8Array(0));
  /** Every call of scan and advertise fails. */
  refuses = false;

  readonly central: Central = {
    start: async (events) => {
      this.centralEvents = events;
    },
    scan: async (on) => {
      this.#mayRefuse();
      this.scanning = on;
    },
    connect: (address, handler, signal) => this.connect(address, handler, signal),
    readEntityId: (address) => this.readName(address),
  };

  readonly peripheral: Peripheral = {
    start: async (events) => {
      this.peripheralEvents = events;
    },
    advertise: async (payload) => {
      this.#mayRefuse();
      this.advertised = payload;
    },
    setEntityId: (value) => {
      this.entityId = Uint8Array.from(value);
    },
  };

  /** A central connects. */
  accept(address: string): FakeGatt {
    const gatt = new FakeGatt(address);
    this.advertised = undefined;
    gatt.handler = this.peripheralEvents?.accepted(gatt);
    return gatt;
  }

  #mayRefuse(): void {
    if (this.refuses) throw new CpnsError('Transport', 'RadioRefused', 'The adapter does not do it.');
  }
}
