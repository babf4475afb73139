import type { Direction } from './rig.js';

/** From one altered bit to the next: over many frames every part of a frame is hit. */
const BITS_APART = 37;

/** What an attacker does to the frames that pass. */
export interface Tampering {
  /** So many of the next frames are altered. */
  alter: Record<Direction, number>;
  /** Which bit is next. */
  bit: number;
}

/** Which of the `bits` of the frame that passes now is to be flipped; undefined: none. */
export function nextFlip(tampering: Tampering, direction: Direction, bits: number): number | undefined {
  if (tampering.alter[direction] === 0) return undefined;
  tampering.alter[direction]--;
  tampering.bit += BITS_APART;
  return tampering.bit % bits;
}
