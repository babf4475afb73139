/** Longest MQTT frame from the broker after its fixed header: one envelope of the uplink with its topic. */
export const MAX_DOWNLINK_FRAME_OCTETS = 66_560;

const PUBLISH = 3;
/** The remaining length of an MQTT frame takes 1 to 4 octets (MQTT 3.1.1 section 2.2.3). */
const MAX_LENGTH_OCTETS = 4;

/**
 * Walks the frames from the broker in front of the MQTT parser, which collects whatever length a frame claims, and keeps QoS 2
 * messages, which this client never asks for. Looks at fixed headers only and keeps nothing.
 */
export class DownlinkGuard {
  #bodyLeft = 0;
  #lengthOctets: number | undefined;
  #length = 0;

  /** False: a frame that no CPNS Server sends; the connection must be given up. */
  accepts(octets: Uint8Array): boolean {
    for (let at = 0; at < octets.length; ) {
      if (this.#bodyLeft > 0) {
        const skipped = Math.min(this.#bodyLeft, octets.length - at);
        this.#bodyLeft -= skipped;
        at += skipped;
      } else if (!this.#acceptsHeader(octets[at++] as number)) return false;
    }
    return true;
  }

  #acceptsHeader(octet: number): boolean {
    if (this.#lengthOctets === undefined) {
      this.#lengthOctets = 0;
      this.#length = 0;
      const qos = (octet >> 1) & 0x03;
      return octet >> 4 !== PUBLISH || qos < 2;
    }
    this.#length += (octet & 0x7f) * 128 ** this.#lengthOctets++;
    if (this.#length > MAX_DOWNLINK_FRAME_OCTETS) return false;
    if ((octet & 0x80) !== 0) return this.#lengthOctets < MAX_LENGTH_OCTETS;
    this.#bodyLeft = this.#length;
    this.#lengthOctets = undefined;
    return true;
  }
}
