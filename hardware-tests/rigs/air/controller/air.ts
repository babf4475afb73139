import type { Clock } from '@cpns/shared';
import type { Attack } from './attack.js';
import { type Between, Faults, isBetween } from './faults.js';
import { STATUS } from './hci.js';
import { Link, type LinkSurroundings } from './link.js';
import { Recorder } from './recorder.js';
import { type ControllerOptions, type Room, VirtualController } from './virtual-controller.js';

/** Handles of connections are below 0x0f00 (Bluetooth Core Vol 4 Part E, 5.3.1). */
const HANDLES = { first: 0x0040, last: 0x0eff } as const;
const DEFAULT_RSSI = -60;

/** The room in which virtual controllers hear each other. All time comes from the clock, and nothing is left to chance. */
export class Air implements Room, LinkSurroundings {
  readonly clock: Clock;
  readonly faults = new Faults();
  readonly recorder: Recorder;
  /** Sits on links that are made from now on. */
  attack: Attack | undefined;
  readonly #controllers = new Map<string, VirtualController>();
  readonly #apart: Between[] = [];
  readonly #rssi: { readonly between: Between; readonly rssi: number }[] = [];
  #handle: number = HANDLES.first;

  constructor(clock: Clock, recorder = new Recorder()) {
    this.clock = clock;
    this.recorder = recorder;
  }

  /** @throws Error when there is a controller with that address */
  plug(options: ControllerOptions): VirtualController {
    if (this.#controllers.has(options.address)) throw new Error(`There are two controllers with the address ${options.address}.`);
    const controller = new VirtualController(options, this);
    this.#controllers.set(controller.address, controller);
    return controller;
  }

  unplug(controller: VirtualController): void {
    controller.detach();
    this.#controllers.delete(controller.address);
  }

  /** They hear each other no more, until {@link meet}. Links between them fall silent. */
  part(between: Between): void {
    this.#apart.push(between);
    this.#lookAgain();
  }

  /** They hear each other again. */
  meet(between: Between): void {
    const stays = this.#apart.filter(({ a, b }) => a !== between.a || b !== between.b);
    this.#apart.splice(0, this.#apart.length, ...stays);
    this.#lookAgain();
  }

  areNear(one: string, other: string): boolean {
    return !this.#apart.some((between) => isBetween(between, one, other));
  }

  /** How loud these hear each other, in dBm. */
  setRssi(between: Between, rssi: number): void {
    this.#rssi.unshift({ between, rssi });
  }

  rssi(at: string, from: string): number {
    return this.#rssi.find(({ between }) => isBetween(between, at, from))?.rssi ?? DEFAULT_RSSI;
  }

  /** What the controller of that address advertises at present; empty: nothing. */
  advertisement(address: string): Buffer {
    const advertiser = this.#controllers.get(address)?.advertiser;
    return advertiser?.isOn ? advertiser.data : Buffer.alloc(0);
  }

  get links(): readonly Link[] {
    return [...new Set([...this.#controllers.values()].flatMap(({ links }) => links))];
  }

  /** Links between these fall silent for good; both ends notice after the supervision timeout. */
  cut(between: Between): void {
    for (const link of this.links) if (isBetween(between, ...link.ends)) link.cut();
  }

  advertise(by: VirtualController): void {
    const near = [...this.#controllers.values()].filter((other) => other !== by && this.areNear(by.address, other.address));
    for (const other of near) other.scanner.hear(by.address, by.advertiser, this.rssi(other.address, by.address));
    const central = near.find(({ initiation }) => initiation?.peer === by.address);
    if (central !== undefined && by.advertiser.isConnectable && by.hasRoom) this.#connect(central, by);
  }

  #connect(central: VirtualController, peripheral: VirtualController): void {
    const { initiation } = central;
    if (initiation === undefined) return;
    const refusal = central.isLinkedWith(peripheral.address)
      ? STATUS.connectionExists
      : this.faults.refusal(central.address, peripheral.address);
    if (refusal !== undefined) return central.failInitiation(refusal);
    const link = new Link({ air: this, handle: this.#freeHandle(), central, peripheral, parameters: initiation.parameters });
    peripheral.join(link);
    central.join(link);
    link.begin();
  }

  #freeHandle(): number {
    const used = new Set(this.links.map(({ handle }) => handle));
    do this.#handle = this.#handle >= HANDLES.last ? HANDLES.first : this.#handle + 1;
    while (used.has(this.#handle));
    return this.#handle;
  }

  #lookAgain(): void {
    for (const link of this.links) link.lookAgain();
  }
}
