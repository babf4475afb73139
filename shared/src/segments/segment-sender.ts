import { CpnsError } from '../errors.js';
import type { Clock } from '../ports.js';
import { badSegment, type DataSegment, dataHeaderOctets, MAX_FRAME_OCTETS, MAX_WINDOW } from './segment.js';

/** What a sender holds and how long it waits. */
export const SEND_LIMITS = {
  /** Frames that wait or are under way. */
  frames: 256,
  /** Their octets. */
  octets: 262_144,
  /** From the first segment of a frame to its last, and for a credit, in milliseconds. */
  frameMs: 60_000,
} as const;

/** A data segment that lacks only the tag of its link. */
export type UntaggedSegment = Omit<DataSegment, 'kind' | 'tag'>;

/** Cuts frames into segments, in order, and never has more of them under way than the peer granted. */
export class SegmentSender {
  readonly #clock: Clock;
  readonly #expired: (error: CpnsError) => void;
  readonly #frames: Uint8Array[] = [];
  #waitingOctets = 0;
  /** Octets of the foremost frame that are sent. */
  #sent = 0;
  #sequence = 0;
  #credits = 0;
  #window = 0;
  #began = false;
  #cancel: (() => void) | undefined;

  /** `expired` is called when the peer does not take a frame in time: Timeout/PeerTakesNothing. */
  constructor(clock: Clock, expired: (error: CpnsError) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Whether any data segment was sent. */
  get began(): boolean {
    return this.#began;
  }

  /** Octets of frames that are not wholly sent. */
  get waitingOctets(): number {
    return this.#waitingOctets;
  }

  /** Segments that may be sent at once. */
  get credits(): number {
    return this.#credits;
  }

  /** What the peer's hello allows before any grant. */
  open(window: number): void {
    this.#window = window;
    this.#credits = window;
  }

  /** @throws CpnsError Codec/BadSegment for more credits than there can be */
  grant(credits: number): void {
    if (this.#credits + credits > Math.min(this.#window, MAX_WINDOW)) throw badSegment('grants more than its window');
    this.#credits += credits;
  }

  /**
   * Queues a frame. It must not change from now on.
   * @throws CpnsError Internal/BadLength, State/LinkTooSlow when too much waits already
   */
  push(frame: Uint8Array): void {
    if (frame.length === 0 || frame.length > MAX_FRAME_OCTETS) {
      throw new CpnsError('Internal', 'BadLength', `A frame has 1 to ${MAX_FRAME_OCTETS} octets.`);
    }
    if (this.#frames.length === SEND_LIMITS.frames || this.#waitingOctets + frame.length > SEND_LIMITS.octets) {
      throw new CpnsError('State', 'LinkTooSlow', 'More waits to be sent over Bluetooth than it carries; bring the devices nearer.', {
        retryable: true,
      });
    }
    this.#frames.push(frame);
    this.#waitingOctets += frame.length;
    if (this.#frames.length === 1) this.#startDeadline();
  }

  /** Whether {@link next} has something: a frame waits and a credit is left. */
  get ready(): boolean {
    return this.#frames.length > 0 && this.#credits > 0;
  }

  /** The next segment, of at most `payloadOctets` in all, with `grant` credits for the peer; only while {@link ready}. */
  next(payloadOctets: number, grant: number): UntaggedSegment {
    const frame = this.#frames[0] as Uint8Array;
    const frameLength = this.#sent === 0 ? frame.length : undefined;
    const end = Math.min(frame.length, this.#sent + payloadOctets - dataHeaderOctets({ frameLength, grant }));
    const content = frame.subarray(this.#sent, end);
    const segment = { sequence: this.#sequence, last: end === frame.length, frameLength, grant, content };
    this.#began = true;
    this.#credits--;
    this.#sequence = (this.#sequence + 1) & 0x0f;
    this.#sent = end;
    if (segment.last) this.#finish(frame);
    return segment;
  }

  /** Drops what waits and the deadline. */
  stop(): void {
    this.#frames.length = 0;
    this.#waitingOctets = 0;
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #finish(frame: Uint8Array): void {
    this.#frames.shift();
    this.#waitingOctets -= frame.length;
    this.#sent = 0;
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#frames.length > 0) this.#startDeadline();
  }

  #startDeadline(): void {
    this.#cancel = this.#clock.after(SEND_LIMITS.frameMs, () => {
      this.stop();
      this.#expired(
        new CpnsError('Timeout', 'PeerTakesNothing', 'The other device did not take a message in time; bring the devices nearer.'),
      );
    });
  }
}
