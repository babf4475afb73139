import type { Clock, EntityId } from '@cpns/shared';
import { bodyOf, type Envelope, MISSING_MAX, sgDataAnswer } from '@cpns/shared/messages';
import { toHex } from '@cpns/shared/security';

/** A PN GW says within so long what became of a message. */
const ANSWER_LIMIT_MS = 4_000;
/** A link that is lost without a word is noticed after up to 15 s, and then the PN GW says who was behind it. */
const AFTERTHOUGHT_MS = 25_000;
/** So often for one message. */
const ANSWERS_MAX = 32;
/** Answers that are waited for, and octets of their messages. */
const OPEN_MAX = 16_384;
const OPEN_OCTETS_MAX = 33_554_432;

/** What a PN GW said of a message; undefined: nobody behind it may have it. */
export type Missing = readonly EntityId[] | undefined;

/** A message at one PN GW. */
export interface Sent {
  readonly gateway: EntityId;
  readonly transaction: Uint8Array;
  /** Of the message, which is held meanwhile. */
  readonly octets: number;
  /** Called with each answer. */
  said(missing: Missing): void;
}

interface Open extends Sent {
  answers: number;
  cancelTimer: () => void;
}

/** What PN GWs say of the group messages that they were sent, or have sent themselves. Lives in memory. */
export class Deliveries {
  readonly #clock: Clock;
  readonly #open = new Map<string, Open>();
  #octets = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A message goes to that PN GW: its silence says that nobody behind it has it. */
  expect(sent: Sent): void {
    const open = this.#add(sent, 0);
    const silent = () => {
      if (open.answers === 0) open.said(undefined);
      open.answers++;
      open.cancelTimer = this.#clock.after(AFTERTHOUGHT_MS - ANSWER_LIMIT_MS, () => this.#end(open));
    };
    open.cancelTimer = this.#clock.after(ANSWER_LIMIT_MS, silent);
  }

  /** A PN GW has sent a message and said of it what it knew: its silence says that there is nothing to add. */
  heed(sent: Sent): void {
    const open = this.#add(sent, 1);
    open.cancelTimer = this.#clock.after(AFTERTHOUGHT_MS, () => this.#end(open));
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
    for (const open of [...this.#open.values()]) this.#end(open);
  }

  #add(sent: Sent, answers: number): Open {
    const key = keyOf(sent.gateway, sent.transaction);
    const before = this.#open.get(key);
    if (before !== undefined) this.#end(before);
    for (const oldest of this.#open.values()) {
      if (this.#open.size < OPEN_MAX && this.#octets + sent.octets <= OPEN_OCTETS_MAX) break;
      this.#end(oldest);
    }
    const open: Open = { ...sent, answers, cancelTimer: () => {} };
    this.#open.set(key, open);
    this.#octets += sent.octets;
    return open;
  }

  /** At its time, or before it: then who has not answered counts as silent. */
  #end(open: Open): void {
    open.cancelTimer();
    this.#open.delete(keyOf(open.gateway, open.transaction));
    this.#octets -= open.octets;
    if (open.answers === 0) open.said(undefined);
  }
}

function keyOf(gateway: EntityId, transaction: Uint8Array): string {
  return `${gateway} ${toHex(transaction)}`;
}

/** A full list may be cut off: it stands for everybody. */
export function named(missing: readonly EntityId[]): Missing {
  return missing.length < MISSING_MAX ? missing : undefined;
}
