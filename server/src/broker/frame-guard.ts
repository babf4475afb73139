import type { TokenBucket } from '@cpns/shared';
import type { Refusal } from './broker.js';

/** Longest CONNECT: client id, a will on the own state topic, and room to spare. */
const MAX_CONNECT_OCTETS = 1024;
const CONNECT = 1;
/** The remaining length of an MQTT frame takes 1 to 4 octets (MQTT 3.1.1 section 2.2.3). */
const MAX_LENGTH_OCTETS = 4;

/**
 * Walks the frames of one connection in front of the MQTT parser, which collects whatever length a frame claims. Looks at fixed headers
 * only and keeps nothing: a frame that is too long is refused at its fifth octet at the latest.
 */
export class FrameGuard {
  readonly #maxFrameOctets: number;
  readonly #frames: TokenBucket;
  /** Octets of the present frame's body still to come. */
  #bodyLeft = 0;
  /** Octets of the present frame's length read so far; undefined between frames. */
  #lengthOctets: number | undefined;
  #length = 0;
  #first = true;

  /** `maxFrameOctets` bounds the remaining length of every frame but the first, which must be a short CONNECT. */
  constructor(maxFrameOctets: number, frames: TokenBucket) {
    this.#maxFrameOctets = maxFrameOctets;
    this.#frames = frames;
  }

  /** Undefined: the octets may go on to the parser. Else: why not; nothing may follow. */
  accept(octets: Uint8Array): Refusal | undefined {
    for (let at = 0; at < octets.length; ) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, octets.length - at);
        this.#bodyLeft -= skipped;
        at += skipped;
        continue;
      }
      const refusal = this.#header(octets[at] as number);
      if (refusal !== undefined) return refusal;
      at++;
    }
    return undefined;
  }

  #header(octet: number): Refusal | undefined {
    if (this.#lengthOctets === undefined) {
      if (this.#first && octet >> 4 !== CONNECT) return 'no-connect';
      if (!this.#frames.take()) return 'frame-rate';
      this.#lengthOctets = 0;
      this.#length = 0;
      return undefined;
    }
    this.#length += (octet & 0x7f) * 128 ** this.#lengthOctets;
    this.#lengthOctets++;
    if (this.#length > (this.#first ? MAX_CONNECT_OCTETS : this.#maxFrameOctets)) return 'frame-size';
    if ((octet & 0x80) !== 0) return this.#lengthOctets === MAX_LENGTH_OCTETS ? 'frame-size' : undefined;
    this.#bodyLeft = this.#length;
    this.#lengthOctets = undefined;
    this.#first = false;
    return undefined;
  }
}
