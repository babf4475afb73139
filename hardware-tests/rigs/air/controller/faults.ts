/** Packets of one direction; a missing address stands for everybody. */
export interface Way {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Both directions between two; a missing address stands for everybody. */
export interface Between {
  readonly a?: string | undefined;
  readonly b?: string | undefined;
}

/** What becomes of one ATT packet. `cut`: it is not sent, and nothing after it. */
export type Fate = 'pass' | 'drop' | 'cut';

interface Limited {
  readonly way: Way;
  left: number;
}

/** Opcodes of the ATT packets with which the two hosts agree on an MTU (Bluetooth Core Vol 3 Part F, 3.4.2). */
const EXCHANGE_MTU = [0x02, 0x03];

/** What goes wrong in the air, as a rig or a test has ordered it. What was ordered last counts first. */
export class Faults {
  readonly #delays: { readonly between: Between; readonly ms: number }[] = [];
  readonly #drops: Limited[] = [];
  readonly #refusals: (Limited & { readonly status: number })[] = [];
  readonly #cuts: { readonly between: Between; left: number }[] = [];
  #mtu: number | undefined;

  /** Every packet between these takes `ms` milliseconds from now on. */
  delay(between: Between, ms: number): void {
    this.#delays.unshift({ between, ms });
  }

  delayMs(from: string, to: string): number {
    return this.#delays.find(({ between }) => isBetween(between, from, to))?.ms ?? 0;
  }

  /** Loses the next `count` ATT packets. */
  drop(way: Way, count: number): void {
    this.#drops.unshift({ way, left: count });
  }

  /** Lets the next `count` attempts to connect fail with `status`. */
  refuse(way: Way, count: number, status: number): void {
    this.#refusals.unshift({ way, left: count, status });
  }

  /** The status with which this attempt to connect fails; undefined: it does not. */
  refusal(from: string, to: string): number | undefined {
    return take(this.#refusals, from, to)?.status;
  }

  /** Silences a link at its ATT packet number `packet` counted from now on; the first is 1. Counts once, over all links between these. */
  cutAt(between: Between, packet: number): void {
    this.#cuts.unshift({ between, left: packet });
  }

  /** No link agrees on more than this ATT MTU from now on; undefined: as the hosts like. */
  capMtu(mtu: number | undefined): void {
    this.#mtu = mtu;
  }

  /** Asked once for each ATT packet that is about to be sent. */
  fate(from: string, to: string): Fate {
    let fate: Fate = take(this.#drops, from, to) === undefined ? 'pass' : 'drop';
    for (const cut of this.#cuts) {
      if (isBetween(cut.between, from, to) && --cut.left === 0) fate = 'cut';
    }
    remove(this.#cuts, ({ left }) => left <= 0);
    return fate;
  }

  /** The ATT packet as the cap on the MTU lets it be. */
  alter(payload: Buffer): Buffer {
    const [opcode] = payload;
    if (this.#mtu === undefined || opcode === undefined || !EXCHANGE_MTU.includes(opcode) || payload.length < 3) return payload;
    const capped = Buffer.from(payload);
    capped.writeUInt16LE(Math.min(payload.readUInt16LE(1), this.#mtu), 1);
    return capped;
  }

  /** From now on all goes well. */
  clear(): void {
    for (const list of [this.#delays, this.#drops, this.#refusals, this.#cuts]) list.length = 0;
    this.#mtu = undefined;
  }
}

export function isBetween({ a, b }: Between, one: string, other: string): boolean {
  const fits = (x: string, y: string) => (a === undefined || a === x) && (b === undefined || b === y);
  return fits(one, other) || fits(other, one);
}

function take<T extends Limited>(list: T[], from: string, to: string): T | undefined {
  const found = list.find(({ way }) => (way.from ?? from) === from && (way.to ?? to) === to);
  if (found !== undefined && --found.left <= 0) list.splice(list.indexOf(found), 1);
  return found;
}

function remove<T>(list: T[], isOver: (item: T) => boolean): void {
  for (let at = list.length - 1; at >= 0; at--) if (isOver(list[at] as T)) list.splice(at, 1);
}
