import { CpnsError, decodeSegment } from '@cpns/shared';
import type { Way } from './goodput.js';

/** One ATT packet between a PN GW and a PNE, in the order in which they were sent. */
export interface AttPacket {
  readonly from: string;
  readonly octets: Uint8Array;
}

/** What one establishment cost on the air. */
export interface OnAir {
  readonly attOperations: number;
  /** Octets of ATT packets. */
  readonly bytesOnAir: number;
  /** Packets that only grant credits. */
  readonly credits: number;
}

/** The two operations that carry segments (Bluetooth Core Vol 3 Part F, 3.4.8), and what precedes the value in both. */
const CARRIERS = [0x52, 0x1b];
const HEAD_OCTETS = 3;

/**
 * Whose frames follow each other in an establishment, 1-1, seen from the PNE: PNE Connection Setup Request (18), PN Setup Request (1), its
 * acknowledgement, challenge (6), PAN handshake 1 to 4, proof (8), PN Setup Response (14).
 */
const FRAMES: readonly Way[] = ['up', 'up', 'down', 'down', 'up', 'down', 'up', 'down', 'up', 'down'];
const REQUEST = 1;

/**
 * Counts what went over the air from the first segment of PN Setup Request to the last of PN Setup Response, everything in between
 * included. Undefined when something else, such as a keep-alive, came in between, so that the frames cannot be told apart.
 */
export function establishmentOnAir(packets: readonly AttPacket[], pne: string): OnAir | undefined {
  const seen = packets.map(({ from, octets }) => ({ way: from === pne ? 'up' : 'down', segment: segmentIn(octets) }) as const);
  const ends = seen.flatMap(({ way, segment }, at) => (segment?.kind === 'data' && segment.last ? [{ way, at }] : []));
  const [before, lastAt] = [ends[REQUEST - 1]?.at, ends[FRAMES.length - 1]?.at];
  if (before === undefined || lastAt === undefined || FRAMES.some((way, i) => ends[i]?.way !== way)) return undefined;
  const firstAt = seen.findIndex(({ way, segment }, at) => at > before && way === 'up' && segment?.kind === 'data');
  const counted = packets.slice(firstAt, lastAt + 1);
  return {
    attOperations: counted.length,
    bytesOnAir: counted.reduce((sum, { octets }) => sum + octets.length, 0),
    credits: seen.slice(firstAt, lastAt + 1).filter(({ segment }) => segment?.kind === 'credit').length,
  };
}

function segmentIn(packet: Uint8Array) {
  if (!CARRIERS.includes(packet[0] ?? 0)) return undefined;
  try {
    return decodeSegment(packet.subarray(HEAD_OCTETS));
  } catch (error) {
    // Of another characteristic.
    if (error instanceof CpnsError) return undefined;
    throw error;
  }
}
