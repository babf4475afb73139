import { type Clock, type CpnsError, type Entropy, SegmentStream } from '@cpns/shared';
import type { GattHandler, GattLink } from './driver.js';
import { FLOW_WINDOW, frameWeight, SentFrames } from './flow-count.js';

/** What a central may do before it has proven itself (protocol 0.26). */
export const STRANGER_LIMITS = {
  /** It proves itself within so many milliseconds of connecting. */
  proofMs: 3_000,
  /** Values that come before its hello. */
  garbage: 8,
  /** One that leaves by itself later than this, in milliseconds, has held the place of others as one that was thrown out. */
  lingerMs: 2_000,
} as const;

/** How a link ends that shall lose nothing of what was sent, in milliseconds. */
export const FINISH_TIMES = {
  /** It is looked so often whether everything has left. */
  lookMs: 20,
  /** It ends then, whatever has not left. */
  mostMs: 1_000,
} as const;

/** The agent is told at most this often, in milliseconds, that part of a frame has come. */
const HEARD_EVERY_MS = 1_000;

/** What happens on a link. */
export interface SegmentLinkEvents {
  /** The peer speaks CPNS. */
  greeted(): void;
  frame(octets: Uint8Array): void;
  /** Part of a frame has come. */
  heard(): void;
  /** Frames of this weight were handed to the stack. */
  sent(weight: number): void;
  /** Once: no more frames, whether the connection is closed already or not. `reason` is a clause. */
  ended(reason: string): void;
  /** Once, after `ended`: the connection is closed. `offence`: a stranger who took the place of others for nothing. */
  gone(offence: boolean): void;
}

export interface SegmentLinkOptions {
  readonly clock: Clock;
  /** On the side that connected. */
  readonly chooser?: Entropy;
  readonly events: SegmentLinkEvents;
}

/** CPNS frames over one GATT connection. */
export class SegmentLink implements GattHandler {
  readonly #options: SegmentLinkOptions;
  readonly #sending = new SentFrames((weight) => this.#options.events.sent(weight));
  readonly #sinceMs: number;
  #gatt: GattLink | undefined;
  #stream: SegmentStream | undefined;
  #cancelProof = () => {};
  #cancelFinish = () => {};
  #stranger: boolean;
  #greeted = false;
  #offence = false;
  #sent = false;
  #finishing = false;
  #ended = false;
  #gone = false;
  #garbage = 0;
  #untaken = 0;
  #paused = false;
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(options: SegmentLinkOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.monotonicMs();
    this.#stranger = options.chooser === undefined;
  }

  /** Begins to talk over `gatt`. */
  begin(gatt: GattLink): void {
    const { clock, chooser, events } = this.#options;
    this.#gatt = gatt;
    if (this.#ended) return gatt.close();
    if (this.#stranger) this.#cancelProof = clock.after(STRANGER_LIMITS.proofMs, () => this.#throwOut('it did not prove who it is'));
    const handler = {
      greeted: () => {
        this.#greeted = true;
        events.greeted();
      },
      frame: (octets: Uint8Array) => this.#frame(octets),
      failed: (error: CpnsError) => this.#failed(error),
    };
    this.#stream = new SegmentStream(gatt, handler, clock, chooser);
  }

  /** Queues one frame. */
  send(octets: Uint8Array): void {
    if (this.#ended || this.#finishing) return;
    this.#sent = true;
    this.#sending.add(octets);
    this.#stream?.send(octets);
    this.#confirm();
  }

  /** The agent has taken in frames of this weight. The peer may go on when half of the window is free again. */
  taken(weight: number): void {
    this.#untaken = Math.max(0, this.#untaken - weight);
    if (!this.#paused || this.#untaken >= FLOW_WINDOW / 2) return;
    this.#paused = false;
    this.#stream?.resume();
  }

  /** The peer is a stranger no more. */
  proven(): void {
    this.#stranger = false;
    this.#cancelProof();
  }

  /** Closes at once. */
  close(reason: string): void {
    this.#end(reason);
  }

  /** Closes when everything that was sent has left. Nothing more is sent or delivered. */
  finish(reason: string): void {
    if (this.#finishing) return;
    if (!this.#sent) return this.#end(reason);
    const { clock } = this.#options;
    this.#finishing = true;
    const untilMs = clock.monotonicMs() + FINISH_TIMES.mostMs;
    // Never at once: the libraries take in what is written a little later.
    const later = () => {
      this.#cancelFinish = clock.after(FINISH_TIMES.lookMs, () => {
        const waits = this.#stream !== undefined && this.#stream.waitingOctets > 0;
        const isLeft = waits || this.#gatt?.isIdle === false;
        if (isLeft && clock.monotonicMs() < untilMs) later();
        else this.#end(reason);
      });
    };
    later();
  }

  data(octets: Uint8Array): void {
    if (this.#ended || this.#stream === undefined) return;
    if (!this.#greeted && ++this.#garbage > STRANGER_LIMITS.garbage) return this.#throwOut('it sent what is none of this protocol');
    this.#stream.receive(octets);
    this.#confirm();
    const nowMs = this.#options.clock.monotonicMs();
    if (!this.#greeted || this.#ended || nowMs - this.#heardMs < HEARD_EVERY_MS) return;
    this.#heardMs = nowMs;
    this.#options.events.heard();
  }

  closed(reason: string): void {
    if (this.#gone) return;
    this.#gone = true;
    if (this.#stranger && this.#options.clock.monotonicMs() - this.#sinceMs > STRANGER_LIMITS.lingerMs) this.#offence = true;
    this.#end(reason);
    this.#options.events.gone(this.#offence);
  }

  #frame(octets: Uint8Array): void {
    if (this.#finishing) return;
    this.#untaken += frameWeight(octets);
    if (this.#untaken >= FLOW_WINDOW && !this.#paused) {
      this.#paused = true;
      this.#stream?.pause();
    }
    this.#options.events.frame(octets);
  }

  #confirm(): void {
    this.#sending.waiting(this.#stream?.waitingOctets ?? 0);
  }

  #failed(error: CpnsError): void {
    if (this.#stranger) this.#offence = true;
    // A sentence becomes a clause.
    this.#end(error.message.replace(/\.$/, ''));
  }

  #throwOut(reason: string): void {
    this.#offence = true;
    this.#end(reason);
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelProof();
    this.#cancelFinish();
    this.#stream?.close();
    this.#options.events.ended(reason);
    if (!this.#gone) this.#gatt?.close();
  }
}
