/** Frames that are on their way through the radio process, and were not confirmed, weigh at most so much. */
export const FLOW_WINDOW = 131_072;
/** A confirmation is worth its message from this weight on. */
const CONFIRM_AT = 16_384;
/** A frame is never lighter: each costs a message and a place in a queue, however short it is. */
const LEAST = 1_024;

/** What a frame counts between the two processes, in octets. */
export function frameWeight(octets: Uint8Array): number {
  return Math.max(octets.length, LEAST);
}

/** Gathers what was dealt with into confirmations. */
export class Confirmations {
  readonly #confirm: (weight: number) => void;
  #weight = 0;

  constructor(confirm: (weight: number) => void) {
    this.#confirm = confirm;
  }

  add(weight: number): void {
    this.#weight += weight;
    if (this.#weight < CONFIRM_AT) return;
    this.#confirm(this.#weight);
    this.#weight = 0;
  }
}

/** Finds out which frames a queue has sent from how many octets of unsent frames it still holds. */
export class SentFrames {
  readonly #confirmations: Confirmations;
  readonly #weights: { readonly length: number; readonly weight: number }[] = [];
  #queuedOctets = 0;

  constructor(confirm: (weight: number) => void) {
    this.#confirmations = new Confirmations(confirm);
  }

  /** Went into the queue. */
  add(octets: Uint8Array): void {
    this.#weights.push({ length: octets.length, weight: frameWeight(octets) });
    this.#queuedOctets += octets.length;
  }

  /** The queue holds frames of so many octets that are not wholly sent. */
  waiting(octets: number): void {
    while (this.#queuedOctets > octets) {
      const { length, weight } = this.#weights.shift() ?? { length: this.#queuedOctets, weight: 0 };
      this.#queuedOctets -= length;
      this.#confirmations.add(weight);
    }
  }
}
