import { loadNoble, type Noble, type NobleCharacteristic, type NoblePeripheral } from './libraries.js';
import { type BareLine, type BareOrder, type BareResults, ECHO } from './protocol.js';

/** Octets of an ATT packet that are no value (Bluetooth Core Vol 3 Part F, 3.4.7.1). */
const ATT_HEAD_OCTETS = 3;
const LEAST_MTU = 23;

interface Found {
  readonly peripheral: NoblePeripheral;
  characteristics: readonly NobleCharacteristic[];
}

/** Connects to echo services as it is told. */
export class Central {
  readonly #noble: Noble;
  readonly #say: (line: BareLine) => void;
  readonly #found = new Map<string, Found>();

  constructor(say: (line: BareLine) => void) {
    this.#noble = loadNoble();
    this.#say = say;
    this.#noble.on('stateChange', (state: string) => say({ side: 'central', event: 'state', state }));
  }

  follow(order: BareOrder): Promise<BareResults[keyof BareResults]> {
    switch (order.do) {
      case 'connect':
        return this.#connect(order.address);
      case 'discover':
        return this.#discover(this.#peer(order.address));
      case 'echo':
        return this.#echo(this.#peer(order.address), order.octets);
      case 'secret':
        return this.#characteristic(this.#peer(order.address), ECHO.secret)
          .readAsync()
          .then((value) => ({ value: value.toString() }));
      case 'rssi':
        return this.#peer(order.address)
          .peripheral.updateRssiAsync()
          .then((rssi) => ({ rssi }));
      case 'disconnect':
        return this.#peer(order.address)
          .peripheral.disconnectAsync()
          .then(() => null);
    }
  }

  async #connect(address: string): Promise<null> {
    const discovered = new Promise<NoblePeripheral>((resolve) => {
      const look = (peripheral: NoblePeripheral) => {
        if (peripheral.address === address) resolve(peripheral);
        else this.#noble.once('discover', look);
      };
      this.#noble.once('discover', look);
    });
    await this.#noble.startScanningAsync([ECHO.service], true);
    const peripheral = await discovered;
    await this.#noble.stopScanningAsync();
    await peripheral.connectAsync();
    peripheral.once('disconnect', () => this.#say({ side: 'central', event: 'disconnected', address }));
    this.#found.set(address, { peripheral, characteristics: [] });
    return null;
  }

  async #discover(found: Found): Promise<{ mtu: number }> {
    const wanted = [ECHO.write, ECHO.notify, ECHO.secret];
    const { characteristics } = await found.peripheral.discoverSomeServicesAndCharacteristicsAsync([ECHO.service], wanted);
    found.characteristics = characteristics;
    await this.#characteristic(found, ECHO.notify).subscribeAsync();
    return { mtu: found.peripheral.mtu ?? LEAST_MTU };
  }

  async #echo(found: Found, octets: number): Promise<{ same: boolean; chunks: number }> {
    const sent = Buffer.from(Array.from({ length: octets }, (_, at) => (at * 7 + (at >> 8)) & 0xff));
    const size = (found.peripheral.mtu ?? LEAST_MTU) - ATT_HEAD_OCTETS;
    const [write, notify] = [this.#characteristic(found, ECHO.write), this.#characteristic(found, ECHO.notify)];
    const back: Buffer[] = [];
    let count = 0;
    const all = new Promise<void>((resolve) => {
      const hear = (piece: Buffer) => {
        back.push(piece);
        count += piece.length;
        if (count >= octets) resolve();
        else notify.once('data', hear);
      };
      notify.once('data', hear);
    });
    for (let at = 0; at < octets; at += size) await write.writeAsync(sent.subarray(at, at + size), true);
    await all;
    return { same: Buffer.concat(back).equals(sent), chunks: back.length };
  }

  #peer(address: string): Found {
    const found = this.#found.get(address);
    if (found === undefined) throw new Error(`There was never a connection to ${address}.`);
    return found;
  }

  #characteristic({ characteristics }: Found, uuid: string): NobleCharacteristic {
    const found = characteristics.find((one) => one.uuid === uuid);
    if (found === undefined) throw new Error(`The peripheral has no characteristic ${uuid}.`);
    return found;
  }
}
