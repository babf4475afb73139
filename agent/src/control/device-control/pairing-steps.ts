import type { PairingReport, PairingRequest } from '../../entity/pairing/pairing-request.js';
import type { StepEvent } from '../api/progress.js';

/** Tells the person where a pairing stands, as numbered steps: by code compare and confirm, by link only confirm. */
export class PairingSteps {
  readonly #request: PairingRequest;
  readonly #emit: (event: StepEvent) => void;
  readonly #of: number;
  #confirmedAt = new Set<'here' | 'there'>();
  #step = 0;

  constructor(request: PairingRequest, emit: (event: StepEvent) => void) {
    this.#request = request;
    this.#emit = emit;
    this.#of = request.type === 'code' ? 3 : 2;
  }

  /** The step that begins with what is about to be reported, if one does. */
  before(event: PairingReport): void {
    switch (event.type) {
      case 'window':
      case 'attempt-failed':
        this.#confirmedAt.clear();
        return this.#begin(1, this.#first());
      case 'code':
        return this.#begin(2, `Comparing codes with ${event.peer}`);
      case 'confirmed':
        this.#confirmedAt.add(event.at);
        if (this.#request.type !== 'code' || this.#confirmedAt.size === 2) this.#begin(this.#of, 'Opening the first secured link');
        return;
      default:
        return;
    }
  }

  #begin(step: number, text: string): void {
    if (this.#step === step) return;
    this.#step = step;
    this.#emit({ type: 'step', step, of: this.#of, text });
  }

  #first(): string {
    switch (this.#request.type) {
      case 'show-link':
        return 'Waiting for the other device to take the link';
      case 'take-link':
        return `Calling ${this.#request.peer}`;
      default: {
        const { peer } = this.#request;
        return peer === undefined
          ? 'Looking for a device near that is open for pairing'
          : `Looking for ${peer}, which must be open for pairing`;
      }
    }
  }
}
