import { randomBytes } from 'node:crypto';
import { BLE_UUID, bleScanResponse } from '@cpns/shared/messages';
import { type Bleno, loadBleno } from '../bare/libraries.js';
import type { Lure } from './orders.js';

const SUCCESS = 0;
const PAUSE_MS = 20;
const LEAST_VALUE = 20;

const short = (uuid: string) => uuid.replaceAll('-', '');

/** A peripheral that means harm: it says that it is somebody else. */
export class LuringPeripheral {
  caught = 0;
  octets = 0;
  readonly #bleno: Bleno = loadBleno();

  constructor(ready: () => void) {
    this.#bleno.on('stateChange', (state: string) => {
      if (state === 'poweredOn') ready();
    });
    this.#bleno.on('accept', () => {
      this.caught++;
    });
  }

  lure(data: Buffer, entityId: string, kind: Lure): void {
    this.#bleno.setServices([this.#service(entityId, kind)]);
    this.#bleno.startAdvertisingWithEIRData(data, Buffer.from(bleScanResponse()));
  }

  #service(entityId: string, kind: Lure): object {
    const { Characteristic, PrimaryService } = this.#bleno;
    let speaking: NodeJS.Timeout | undefined;
    const characteristics = [
      new Characteristic({
        uuid: short(BLE_UUID.toPeripheral),
        properties: ['writeWithoutResponse'],
        onWriteRequest: (_octets, _offset, _withoutResponse, done) => done(SUCCESS),
      }),
      new Characteristic({
        uuid: short(BLE_UUID.toCentral),
        properties: ['notify'],
        onSubscribe: (_most, update) => {
          if (kind === 'mute') return;
          speaking = setInterval(() => {
            this.octets += LEAST_VALUE;
            update(randomBytes(LEAST_VALUE));
          }, PAUSE_MS);
        },
        onUnsubscribe: () => clearInterval(speaking),
      }),
      new Characteristic({ uuid: short(BLE_UUID.entityId), properties: ['read'], value: Buffer.from(entityId) }),
    ];
    return new PrimaryService({ uuid: short(BLE_UUID.service), characteristics });
  }
}
