import { CpnsError } from '../errors.js';
import type { Clock } from '../ports.js';
import { badSegment, type DataSegment, MAX_WINDOW } from './segment.js';

/** How long a frame may take to arrive. */
export const RECEIVE_LIMITS = {
  /** From one segment of a frame to its next, in milliseconds. */
  segmentMs: 5_000,
  /** From its first to its last, in milliseconds. */
  frameMs: 60_000,
} as const;

/** A frame of which part has come. */
interface Assembly {
  readonly octets: Uint8Array;
  filled: number;
}

/**
 * Puts frames together, one at a time, and counts what the peer may still send. Holds at most one frame; a segment out of order,
 * beyond the credits or beyond the announced length ends the link, since nothing is ever sent again on it.
 */
export class SegmentReceiver {
  readonly #clock: Clock;
  readonly #expired: (error: CpnsError) => void;
  #assembly: Assembly | undefined;
  #sequence = 0;
  /** Data segments that the peer may send. */
  #allowed = MAX_WINDOW;
  /** Taken in and not granted again yet. */
  #consumed = 0;
  #received = false;
  #suspended = false;
  /** When the latest segment came. */
  #segmentMs = 0;
  #cancelSegment: (() => void) | undefined;
  #cancelFrame: (() => void) | undefined;

  /** `expired` is called when a frame does not go on in time: Timeout/FrameTooSlow. */
  constructor(clock: Clock, expired: (error: CpnsError) => void) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** Whether any data segment has come. */
  get received(): boolean {
    return this.#received;
  }

  /** Octets that are held for a frame under way. */
  get heldOctets(): number {
    return this.#assembly?.octets.length ?? 0;
  }

  /** Segments that can be granted again. */
  get grantable(): number {
    return this.#consumed;
  }

  /** Takes what can be granted; the caller sends it to the peer. */
  takeGrant(): number {
    const grant = this.#consumed;
    this.#allowed += grant;
    this.#consumed = 0;
    return grant;
  }

  /**
   * The frame that is complete with this segment, if one is.
   * @throws CpnsError Codec/BadSegment
   */
  accept({ sequence, last, frameLength, content }: DataSegment): Uint8Array | undefined {
    if (this.#allowed === 0) throw badSegment('came although none was granted');
    if (sequence !== this.#sequence) throw badSegment('is out of order');
    if ((frameLength === undefined) !== (this.#assembly !== undefined)) throw badSegment('begins or goes on where it must not');
    this.#assembly ??= this.#begin(frameLength as number);
    const assembly = this.#assembly;
    const filled = assembly.filled + content.length;
    if (filled > assembly.octets.length || last !== (filled === assembly.octets.length)) {
      throw badSegment('does not agree with the length of its frame');
    }
    assembly.octets.set(content, assembly.filled);
    assembly.filled = filled;
    this.#received = true;
    this.#allowed--;
    this.#consumed++;
    this.#sequence = (this.#sequence + 1) & 0x0f;
    if (last) {
      this.stop();
      return assembly.octets;
    }
    this.#awaitSegment();
    return undefined;
  }

  /** Nothing is granted for a while, so a frame under way is not late: its time begins anew with {@link proceed}. */
  suspend(): void {
    this.#suspended = true;
    this.#cancelTimers();
  }

  proceed(): void {
    this.#suspended = false;
    if (this.#assembly === undefined) return;
    this.#awaitFrame();
    this.#awaitSegment();
  }

  /** Drops what is held and its timers. */
  stop(): void {
    this.#assembly = undefined;
    this.#cancelTimers();
  }

  #begin(length: number): Assembly {
    this.#awaitFrame();
    return { octets: new Uint8Array(length), filled: 0 };
  }

  #awaitFrame(): void {
    this.#cancelFrame?.();
    if (!this.#suspended) this.#cancelFrame = this.#clock.after(RECEIVE_LIMITS.frameMs, this.#tooSlow);
  }

  /** One timer for many segments: it looks whether another one has come since. */
  #awaitSegment(): void {
    this.#segmentMs = this.#clock.monotonicMs();
    if (!this.#suspended) this.#cancelSegment ??= this.#clock.after(RECEIVE_LIMITS.segmentMs, this.#lookForSegment);
  }

  readonly #lookForSegment = (): void => {
    this.#cancelSegment = undefined;
    const leftMs = this.#segmentMs + RECEIVE_LIMITS.segmentMs - this.#clock.monotonicMs();
    if (leftMs > 0) this.#cancelSegment = this.#clock.after(leftMs, this.#lookForSegment);
    else this.#tooSlow();
  };

  #cancelTimers(): void {
    this.#cancelSegment?.();
    this.#cancelFrame?.();
    this.#cancelSegment = undefined;
    this.#cancelFrame = undefined;
  }

  readonly #tooSlow = (): void => {
    this.stop();
    this.#expired(
      new CpnsError('Timeout', 'FrameTooSlow', 'The other device began a message and did not finish it in time; bring the devices nearer.'),
    );
  };
}
