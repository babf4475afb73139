import type { Advertiser } from './advertiser.js';
import { ADVERTISING } from './hci.js';
import { advertisingReport } from './hci-events.js';

/** The part of a controller that listens for advertisements. */
export class Scanner {
  /** Asks for scan responses. */
  isActive = false;
  readonly #report: (event: Buffer) => void;
  #isOn = false;
  /** Undefined: everything is reported, also what was heard before. */
  #heard: Set<string> | undefined;

  constructor(report: (event: Buffer) => void) {
    this.#report = report;
  }

  get isOn(): boolean {
    return this.#isOn;
  }

  enable(isOn: boolean, filtersDuplicates: boolean): void {
    this.#isOn = isOn;
    this.#heard = filtersDuplicates ? new Set() : undefined;
  }

  reset(): void {
    this.enable(false, false);
    this.isActive = false;
  }

  /** One advertising event of a controller that is near. */
  hear(from: string, { type, data, scanResponse }: Advertiser, rssi: number): void {
    if (!this.#isOn || this.#heard?.has(from)) return;
    this.#heard?.add(from);
    this.#report(advertisingReport(type, from, data, rssi));
    if (this.isActive && type !== ADVERTISING.deaf) this.#report(advertisingReport(ADVERTISING.scanResponse, from, scanResponse, rssi));
  }
}
