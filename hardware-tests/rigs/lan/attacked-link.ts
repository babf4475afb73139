import { connect, type Socket } from 'node:net';
import type { HostPort } from '@cpns/shared';
import type { Direction } from '../rig.js';
import { type Piece, WebSocketSplitter } from './websocket-splitter.js';

/** From one altered bit to the next: over many frames every part of a frame is hit. */
const BITS_APART = 37;

/** What the attacker does to the frames that pass. */
export interface Tampering {
  /** So many of the next frames are altered. */
  alter: Record<Direction, number>;
  /** Which bit is next. */
  bit: number;
}

/** All binary frames of one connection, as they were on the wire. */
export type Recording = Record<Direction, Buffer[]>;

/** One WebSocket connection through the attacker. */
export class AttackedLink {
  readonly recording: Recording = { out: [], in: [] };
  readonly #ends: Record<Direction, Socket>;
  readonly #tampering: Tampering;
  isWebSocket = false;

  /** `near` belongs to the device that was cut off. */
  constructor(near: Socket, target: HostPort, tampering: Tampering) {
    this.#tampering = tampering;
    const far = connect(target);
    this.#ends = { out: far, in: near };
    this.#carry('out', near, far);
    this.#carry('in', far, near);
  }

  get isOpen(): boolean {
    return !this.#ends.out.destroyed && !this.#ends.in.destroyed;
  }

  /** Sends recorded frames once more. */
  replay(direction: Direction, frames: readonly Buffer[]): void {
    for (const octets of frames) this.#ends[direction].write(octets);
  }

  cut(): void {
    this.#ends.out.destroy();
    this.#ends.in.destroy();
  }

  #carry(direction: Direction, from: Socket, to: Socket): void {
    const splitter = new WebSocketSplitter();
    from.setNoDelay(true);
    from.on('error', () => this.cut());
    from.on('close', () => this.cut());
    from.on('data', (octets: Buffer) => {
      try {
        for (const piece of splitter.push(octets)) to.write(this.#pass(direction, piece));
      } catch {
        this.cut();
      }
    });
  }

  #pass(direction: Direction, piece: Piece): Buffer {
    if (piece.kind === 'head') this.isWebSocket ||= piece.upgrades;
    if (piece.kind !== 'frame' || !piece.binary || piece.octets.length === piece.body) return piece.octets;
    this.recording[direction].push(Buffer.from(piece.octets));
    if (this.#tampering.alter[direction] === 0) return piece.octets;
    this.#tampering.alter[direction]--;
    const altered = Buffer.from(piece.octets);
    this.#tampering.bit += BITS_APART;
    const at = this.#tampering.bit % ((altered.length - piece.body) * 8);
    const octet = piece.body + (at >> 3);
    altered[octet] = (altered[octet] as number) ^ (1 << (at & 7));
    return altered;
  }
}
