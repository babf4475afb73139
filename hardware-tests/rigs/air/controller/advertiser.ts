import type { Clock } from '@cpns/shared';
import { ADVERTISING } from './hci.js';

/** One unit of an advertising interval (Bluetooth Core Vol 4 Part E, 7.8.5). */
const INTERVAL_UNIT_MS = 0.625;
const DEFAULT_INTERVAL = 0x0800;

/** The part of a controller that tells everybody near what its host has given it. */
export class Advertiser {
  data: Buffer = Buffer.alloc(0);
  scanResponse: Buffer = Buffer.alloc(0);
  type: number = ADVERTISING.connectable;
  interval = DEFAULT_INTERVAL;
  readonly #clock: Clock;
  readonly #event: () => void;
  #cancel: (() => void) | undefined;

  /** `event` is called at every advertising event. */
  constructor(clock: Clock, event: () => void) {
    this.#clock = clock;
    this.#event = event;
  }

  get isOn(): boolean {
    return this.#cancel !== undefined;
  }

  get isConnectable(): boolean {
    return this.isOn && this.type === ADVERTISING.connectable;
  }

  /** The first event is at once. */
  start(): void {
    if (this.isOn) return;
    this.#wait(0);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  reset(): void {
    this.stop();
    this.data = this.scanResponse = Buffer.alloc(0);
    this.type = ADVERTISING.connectable;
    this.interval = DEFAULT_INTERVAL;
  }

  #wait(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#wait(this.interval * INTERVAL_UNIT_MS);
      this.#event();
    });
  }
}
