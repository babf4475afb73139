const HANDLE = 0x0fff;
/** Packet boundary flag of a piece that continues a packet (Bluetooth Core Specification, volume 4, part E, 5.4.2). */
const CONTINUES = 1;
/** Octets before the data: type, handle with flags, length; and before what L2CAP carries: its length, its channel. */
const ACL_HEAD = 5;
const L2CAP_HEAD = 4;
/** The longest packet of L2CAP that the libraries have a use for: an attribute PDU of the longest value, and its head. */
export const MOST_L2CAP_OCTETS = 517;

/**
 * Whether the libraries can put a piece of a packet together with those before. They do not look: a packet that goes on beyond its
 * length they keep for ever, and copy again with each piece.
 */
export class AclGuard {
  /** Octets that are still to come, of each connection on which a packet has begun. */
  readonly #missing = new Map<number, number>();

  /** `packet`: an ACL packet with its type octet. */
  passes(packet: Uint8Array): boolean {
    if (packet.length < ACL_HEAD) return false;
    const head = u16(packet, 1);
    const handle = head & HANDLE;
    const missing = this.#missingAfter(packet, handle, (head >> 12) & 3);
    this.#missing.delete(handle);
    if (missing === undefined) return false;
    if (missing > 0) this.#missing.set(handle, missing);
    return true;
  }

  #missingAfter(packet: Uint8Array, handle: number, boundary: number): number | undefined {
    const octets = packet.length - ACL_HEAD;
    let missing = this.#missing.get(handle);
    if (boundary === CONTINUES && missing === undefined) return undefined;
    if (boundary !== CONTINUES) {
      const length = octets < L2CAP_HEAD ? undefined : u16(packet, ACL_HEAD);
      if (length === undefined || length > MOST_L2CAP_OCTETS) return undefined;
      missing = L2CAP_HEAD + length;
    }
    const left = (missing as number) - octets;
    return left < 0 ? undefined : left;
  }
}

function u16(octets: Uint8Array, at: number): number {
  return (octets[at] as number) | ((octets[at + 1] as number) << 8);
}
