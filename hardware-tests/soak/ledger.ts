import type { EntityId } from '@cpns/shared';

/** Where a message comes from or goes to. */
export type Party = EntityId | 'server';

interface Entry {
  readonly from: Party;
  readonly to: Party;
  readonly sentAtMs: number;
}

const NUMBER = /^soak (\d+)$/;

/** Every data message of a soak by its number: sent once, and to arrive exactly once, at whom it was sent to. */
export class Ledger {
  readonly #open = new Map<number, Entry>();
  /** Arrived already; a second arrival of one of them is a duplicate. */
  readonly #done = new Map<number, Party>();
  #next = 1;
  #duplicated = 0;
  #astray = 0;

  /** Payload for a new message. */
  write(from: Party, to: Party, nowMs: number): { readonly number: number; readonly payload: Uint8Array } {
    const number = this.#next++;
    this.#open.set(number, { from, to, sentAtMs: nowMs });
    return { number, payload: new TextEncoder().encode(`soak ${number}`) };
  }

  /** It was never taken from its sender. */
  withdraw(number: number): void {
    this.#open.delete(number);
  }

  /** Somebody was handed a message. */
  arrive(at: Party, payload: Uint8Array): void {
    const number = Number(NUMBER.exec(new TextDecoder().decode(payload))?.[1]);
    const entry = this.#open.get(number);
    if (entry?.to === at) {
      this.#open.delete(number);
      this.#done.set(number, at);
    } else if (this.#done.get(number) === at) this.#duplicated++;
    else this.#astray++;
  }

  get sent(): number {
    return this.#done.size + this.#open.size;
  }
  /** On their way, or lost when nothing more is to come. */
  get missing(): number {
    return this.#open.size;
  }
  get duplicated(): number {
    return this.#duplicated;
  }
  /** Arrived at somebody else, or were never sent. */
  get astray(): number {
    return this.#astray;
  }

  /** Of messages between these parties some are on their way. */
  concerns(parties: readonly Party[]): boolean {
    return [...this.#open.values()].some(({ from, to }) => parties.includes(from) || parties.includes(to));
  }

  /** Those on their way longest, for a report: `17 (phone to server, 12 s)`. */
  oldest(most: number, nowMs: number): string[] {
    return [...this.#open]
      .slice(0, most)
      .map(([number, { from, to, sentAtMs }]) => `${number} (${from} to ${to}, ${Math.round((nowMs - sentAtMs) / 1000)} s)`);
  }
}
