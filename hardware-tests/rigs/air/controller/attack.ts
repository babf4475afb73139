import { type Clock, type Entropy, sleep } from '@cpns/shared';
import type { Direction } from '../../rig.js';
import type { Tampering } from '../../tampering.js';
import { type Inject, Interceptor } from './interceptor.js';

/** More would not fit into the stream of one link at once. */
const MOST_REPEATED = 32;
/** So long the attacker waits for an answer to what it made up. */
const LISTEN_MS = 3_000;
const LOOK_EVERY_MS = 100;
/** A device that has lost a link is dialled again within it. */
const NEXT_LINK_MS = 30_000;

/** Somebody on every link of one device: keeps, alters and repeats the frames that pass. Has no keys. */
export class Attack {
  readonly tampering: Tampering = { alter: { out: 0, in: 0 }, bit: 0 };
  readonly #clock: Clock;
  readonly #entropy: Entropy;
  readonly #victim: string;
  readonly #cut: () => void;
  readonly #kept: Record<Direction, Uint8Array[]> = { out: [], in: [] };
  #present: Interceptor | undefined;
  #links = 0;
  #script: readonly Uint8Array[] | undefined;

  /** `cut`: silences the present links of the victim. */
  constructor(clock: Clock, entropy: Entropy, victim: string, cut: () => void) {
    this.#clock = clock;
    this.#entropy = entropy;
    this.#victim = victim;
    this.#cut = cut;
  }

  /** Somebody for a new link, when it is one of the victim's. */
  intercept(central: string, peripheral: string, inject: Inject): Interceptor | undefined {
    if (central !== this.#victim && peripheral !== this.#victim) return undefined;
    this.#links++;
    this.#present = new Interceptor({
      clock: this.#clock,
      entropy: this.#entropy,
      victimIsCentral: central === this.#victim,
      tampering: this.tampering,
      kept: this.#kept,
      script: this.#script,
      inject,
    });
    return this.#present;
  }

  get seen(): { readonly out: number; readonly in: number; readonly links: number } {
    return { out: this.#kept.out.length, in: this.#kept.in.length, links: this.#links };
  }

  /** Sends the last kept frames of this way once more, on the present link; gives their number. */
  replay(direction: Direction): number {
    const frames = this.#kept[direction].slice(-MOST_REPEATED);
    const present = this.#present;
    if (present === undefined || present.isOver) return 0;
    for (const frame of frames) present.send(direction, frame);
    return frames.length;
  }

  cut(): void {
    this.#cut();
  }

  /** Plays the device that is cut off on its next link, with what that has said before. */
  async impersonate(): Promise<{ readonly sent: number; readonly answers: number }> {
    this.#script = this.#kept.out.slice(0, MOST_REPEATED);
    const before = this.#links;
    this.#cut();
    for (let ms = 0; this.#links === before && ms < NEXT_LINK_MS; ms += LOOK_EVERY_MS) await sleep(this.#clock, LOOK_EVERY_MS);
    await sleep(this.#clock, LISTEN_MS);
    const sent = this.#links === before ? 0 : this.#script.length;
    this.#script = undefined;
    this.#cut();
    return { sent, answers: this.#present?.answers ?? 0 };
  }
}
