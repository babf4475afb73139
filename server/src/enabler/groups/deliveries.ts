import type { Clock, EntityId } from '@cpns/shared';
import { bodyOf, type Envelope, MISSING_MAX, sgDataAnswer } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';

/** A PN GW says within so long what became of a message. */
const ANSWER_LIMIT_MS = 4_000;
/** A link that is lost without a word is noticed after up to 15 s, and then the PN GW says who was behind it. */
const AFTERTHOUGHT_MS = 25_000;
/** So often for one message. */
const ANSWERS_MAX = 32;
/** Answers that are waited for. */
const OPEN_MAX = 16_384;

/** What a PN GW said of a message; undefined: nobody behind it may have it. */
export type Missing = readonly EntityId[] | undefined;

interface Open {
  answers: number;
  cancelTimer: () => void;
  said(missing: Missing): void;
}

/** What PN GWs say of the group messages that they were sent, or have sent themselves. Lives in memory. */
export class Deliveries {
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `said` is called with each answer of that PN GW to the message of that transaction; silence says that nobody behind it has it. */
  expect(gateway: EntityId, transaction: Uint8Array, said: Open['said']): void {
    const open = this.#add(gateway, transaction, said, 0);
    const silent = () => {
      if (open.answers === 0) said(undefined);
      open.answers++;
      open.cancelTimer = this.#clock.after(AFTERTHOUGHT_MS - ANSWER_LIMIT_MS, () => this.#forget(gateway, transaction));
    };
    open.cancelTimer = this.#clock.after(ANSWER_LIMIT_MS, silent);
  }

  /** The same of a PN GW that has said of its own message what it knew: its silence says that there is nothing to add. */
  heed(gateway: EntityId, transaction: Uint8Array, said: Open['said']): void {
    const open = this.#add(gateway, transaction, said, 1);
    open.cancelTimer = this.#clock.after(AFTERTHOUGHT_MS, () => this.#forget(gateway, transaction));
  }

  /** A PN GW answers, in its own session. */
  answered(gateway: EntityId, envelope: Envelope): void {
    const open = this.#open.get(keyOf(gateway, envelope.transaction));
    if (open === undefined || open.answers >= ANSWERS_MAX) return;
    const { missing } = bodyOf(envelope, sgDataAnswer);
    open.answers++;
    open.said(named(missing));
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const [key, open] of [...this.#open]) this.#end(key, open);
  }

  #add(gateway: EntityId, transaction: Uint8Array, said: Open['said'], answers: number): Open {
    const key = keyOf(gateway, transaction);
    const before = this.#open.get(key);
    if (before !== undefined) this.#end(key, before);
    for (const [oldest, open] of this.#open) {
      if (this.#open.size < OPEN_MAX) break;
      this.#end(oldest, open);
    }
    const open: Open = { answers, cancelTimer: () => {}, said };
    this.#open.set(key, open);
    return open;
  }

  /** Before its time: who has not answered counts as silent. */
  #end(key: string, open: Open): void {
    open.cancelTimer();
    this.#open.delete(key);
    if (open.answers === 0) open.said(undefined);
  }

  #forget(gateway: EntityId, transaction: Uint8Array): void {
    this.#open.delete(keyOf(gateway, transaction));
  }
}

function keyOf(gateway: EntityId, transaction: Uint8Array): string {
  return `${gateway} ${toHex(transaction)}`;
}

/** A full list may be cut off: it stands for everybody. */
export function named(missing: readonly EntityId[]): Missing {
  return missing.length < MISSING_MAX ? missing : undefined;
}
