import { connect, type Socket } from 'node:net';
import type { HostPort } from '@cpns/shared';
import type { Direction } from '../rig.js';
import { nextFlip, type Tampering } from '../tampering.js';
import { type Piece, WebSocketSplitter } from './websocket-splitter.js';

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
    const at = nextFlip(this.#tampering, direction, (piece.octets.length - piece.body) * 8);
    if (at === undefined) return piece.octets;
    const altered = Buffer.from(piece.octets);
    const octet = piece.body + (at >> 3);
    altered[octet] = (altered[octet] as number) ^ (1 << (at & 7));
    return altered;
  }
}
