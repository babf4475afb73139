import type { Direction } from '../../rig.js';
import type { Between, Way } from '../controller/faults.js';
import type { AirCounters } from '../controller/recorder.js';
import type { ControllerOptions } from '../controller/virtual-controller.js';

/** What the process of the air can be told, and what it answers. Addresses are `aa:bb:cc:dd:ee:ff`. */
export interface AirOrders {
  /** Makes a host; gives the directory that {@link HOST_VARIABLE} names in its processes. */
  addHost(order: { readonly host: string }): { readonly directory: string };
  /** Gives the index of the adapter. */
  plug(order: { readonly host: string } & ControllerOptions): { readonly index: number };
  unplug(order: { readonly address: string }): null;
  power(order: { readonly address: string; readonly isOn: boolean }): null;
  /** The adapter forgets everything and says nothing. */
  reset(order: { readonly address: string }): null;
  /** Out of range of one another. */
  part(order: Between): null;
  meet(order: Between): null;
  setRssi(order: Between & { readonly rssi: number }): null;
  /** Links fall silent for good. */
  cut(order: Between): null;
  cutAt(order: Between & { readonly packet: number }): null;
  delay(order: Between & { readonly ms: number }): null;
  drop(order: Way & { readonly count: number }): null;
  refuse(order: Way & { readonly count: number; readonly status: number }): null;
  /** Without a number: no cap. */
  capMtu(order: { readonly mtu?: number | undefined }): null;
  /** All goes well again; who is out of range stays so. */
  clearFaults(order: object): null;
  /** Advertising data of a controller, in hexadecimal; empty while it does not advertise. */
  advertisement(order: { readonly address: string }): { readonly data: string };
  /** Somebody sits on the links of that controller from now on. One at a time. */
  attack(order: { readonly victim: string }): null;
  attackSeen(order: object): { readonly out: number; readonly in: number; readonly links: number };
  attackAlter(order: { readonly direction: Direction; readonly count: number }): null;
  attackReplay(order: { readonly direction: Direction }): number;
  attackImpersonate(order: object): { readonly sent: number; readonly answers: number };
  attackCut(order: object): null;
  links(order: object): readonly { readonly number: number; readonly central: string; readonly peripheral: string }[];
  counters(order: object): AirCounters;
  /** The last packets that were sent, oldest first; octets in hexadecimal. */
  packets(order: { readonly last: number }): readonly ShownPacket[];
  /** Which of the needles (hexadecimal) are in what was sent. */
  search(order: { readonly needles: readonly string[] }): {
    readonly isComplete: boolean;
    readonly packets: number;
    readonly found: readonly { readonly needle: number; readonly packet: ShownPacket }[];
  };
}

export interface ShownPacket {
  readonly atMs: number;
  readonly link: number;
  readonly from: string;
  readonly to: string;
  readonly octets: string;
}

export type AirOrder = keyof AirOrders;

export interface AirLine {
  readonly id: number;
  readonly do: AirOrder;
  readonly with: object;
}

/** The line with id 0 says that the process is ready. */
export type AirAnswer = { readonly id: number; readonly result: unknown } | { readonly id: number; readonly failed: string };
