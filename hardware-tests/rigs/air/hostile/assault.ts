import { randomBytes } from 'node:crypto';
import { BLE_UUID } from '@cpns/shared/messages';
import { loadNoble, type Noble, type NobleCharacteristic, type NoblePeripheral } from '../bare/libraries.js';
import type { Assault } from './orders.js';

/** Layout of segments: docs/protocol.md 0.26. Written out here, since an attacker keeps to nobody's code. */
const HELLO = [0x80, 1, 15];
const FIRST_OF_A_FRAME = 0x90;
const MOST_FRAME = [0x40, 0x2c];
const ATT_HEAD_OCTETS = 3;
const LEAST_MTU = 23;
/** Between two writes of one connection: more than a peripheral could take. */
const PAUSE_MS = { mute: 0, deaf: 0, garbage: 20, flood: 1 } as const;
const AGAIN_MS = 100;

const short = (uuid: string) => uuid.replaceAll('-', '');

/** A central that means harm. */
export class AssaultingCentral {
  connections = 0;
  octets = 0;
  readonly #noble: Noble = loadNoble();
  readonly #wants = new Map<string, Assault>();
  readonly #busy = new Set<string>();

  constructor(ready: () => void) {
    this.#noble.on('stateChange', (state: string) => {
      if (state === 'poweredOn') ready();
    });
    this.#noble.on('discover', (peripheral: NoblePeripheral) => {
      const kind = this.#wants.get(peripheral.address);
      if (kind === undefined || this.#busy.has(peripheral.address)) return;
      this.#busy.add(peripheral.address);
      void this.#strike(peripheral, kind);
    });
  }

  async assault(address: string, kind: Assault): Promise<void> {
    this.#wants.set(address, kind);
    await this.#noble.startScanningAsync([], true);
  }

  async #strike(peripheral: NoblePeripheral, kind: Assault): Promise<void> {
    let isOver = false;
    const again = () => {
      if (isOver) return;
      isOver = true;
      setTimeout(() => this.#busy.delete(peripheral.address), AGAIN_MS);
    };
    peripheral.once('disconnect', again);
    try {
      await peripheral.connectAsync();
      this.connections++;
      const wanted = [BLE_UUID.toPeripheral, BLE_UUID.toCentral].map(short);
      const found = await peripheral.discoverSomeServicesAndCharacteristicsAsync([short(BLE_UUID.service)], wanted);
      const characteristic = (uuid: string) => found.characteristics.find((one) => one.uuid === short(uuid));
      const [write, notify] = [characteristic(BLE_UUID.toPeripheral), characteristic(BLE_UUID.toCentral)];
      if (write === undefined || notify === undefined) return;
      await notify.subscribeAsync();
      await this.#speak(write, (peripheral.mtu ?? LEAST_MTU) - ATT_HEAD_OCTETS, kind, () => isOver);
    } catch {
      again();
    }
  }

  async #speak(write: NobleCharacteristic, most: number, kind: Assault, isOver: () => boolean): Promise<void> {
    const say = async (octets: Buffer) => {
      this.octets += octets.length;
      await write.writeAsync(octets, true);
    };
    const linkId = randomBytes(4);
    const tag = linkId[3] ?? 0;
    if (kind === 'mute') return;
    if (kind !== 'garbage') await say(Buffer.from([...HELLO, ...linkId]));
    if (kind === 'deaf') return say(Buffer.from([FIRST_OF_A_FRAME, tag, ...MOST_FRAME, ...randomBytes(most - 4)]));
    for (let sequence = 0; !isOver(); sequence++) {
      const data = Buffer.from([0x10 | (sequence & 0x0f), tag, ...randomBytes(most - 2)]);
      await say(kind === 'garbage' ? randomBytes(most) : data);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS[kind]));
    }
  }
}
