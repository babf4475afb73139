import { type Clock, type Entropy, SegmentStream } from '@cpns/shared';
import type { Direction } from '../../rig.js';
import { nextFlip, type Tampering } from '../../tampering.js';

/** ATT packets that carry values without an answer (Bluetooth Core Vol 3 Part F, 3.4.5.3 and 3.4.7.1). */
const VALUE = { write: 0x52, notification: 0x1b } as const;
const HEAD_OCTETS = 3;
const MTU_RESPONSE = 0x03;
const LEAST_MTU = 23;

/** Puts an ATT packet on the air, as if the other end had sent it. */
export type Inject = (toCentral: boolean, payload: Buffer) => void;

export interface InterceptorOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** The device that is cut off is the central of this link. */
  readonly victimIsCentral: boolean;
  readonly tampering: Tampering;
  /** What the attacker keeps of all links. */
  readonly kept: Record<Direction, Uint8Array[]>;
  /** Undefined: frames are passed on. Else the other end hears these in place of the device that is cut off, which hears nothing. */
  readonly script: readonly Uint8Array[] | undefined;
  readonly inject: Inject;
}

/** One side of the link, as the attacker plays it. */
interface Side {
  readonly stream: SegmentStream;
}

/** Somebody on a Bluetooth link who takes segments off it, puts the frames together, and sends them on, altered or again. */
export class Interceptor {
  readonly #options: InterceptorOptions;
  /** Handle of the characteristic, by the opcode that carries its values. */
  readonly #handles = new Map<number, Buffer>();
  #payloadOctets = LEAST_MTU - HEAD_OCTETS;
  #victim: Side | undefined;
  #other: Side | undefined;
  #waiting: { readonly direction: Direction; readonly frame: Uint8Array }[] = [];
  /** Frames that the other end sent while the attacker played the device that is cut off. */
  answers = 0;
  isOver = false;

  constructor(options: InterceptorOptions) {
    this.#options = options;
  }

  /** True: the packet carried a segment, and is not to be passed on. */
  take(fromCentral: boolean, payload: Buffer): boolean {
    const [opcode = 0] = payload;
    if (opcode === MTU_RESPONSE && payload.length >= HEAD_OCTETS)
      this.#payloadOctets = Math.max(payload.readUInt16LE(1), LEAST_MTU) - HEAD_OCTETS;
    if (opcode !== (fromCentral ? VALUE.write : VALUE.notification) || payload.length <= HEAD_OCTETS) return false;
    this.#handles.set(opcode, Buffer.from(payload.subarray(1, HEAD_OCTETS)));
    const value = Uint8Array.from(payload.subarray(HEAD_OCTETS));
    if (fromCentral) this.#begin();
    const isVictim = fromCentral === this.#options.victimIsCentral;
    (isVictim ? this.#victim : this.#other)?.stream.receive(value);
    return true;
  }

  /** Sends a kept frame again. */
  send(direction: Direction, frame: Uint8Array): void {
    const side = direction === 'out' ? this.#other : this.#victim;
    if (side === undefined) this.#waiting.push({ direction, frame });
    else side.stream.send(frame);
  }

  /** The link has ended. */
  close(): void {
    this.isOver = true;
    this.#victim?.stream.close();
    this.#other?.stream.close();
  }

  /** The central has begun to talk: from now on each end talks with the attacker. */
  #begin(): void {
    if (this.#victim !== undefined) return;
    const { victimIsCentral, script } = this.#options;
    this.#victim = this.#side(victimIsCentral, 'out');
    this.#other = this.#side(!victimIsCentral, 'in');
    for (const { direction, frame } of this.#waiting.splice(0)) this.send(direction, frame);
    for (const frame of script ?? []) this.#other.stream.send(frame);
  }

  /** `direction`: of what this end sends. */
  #side(toCentral: boolean, direction: Direction): Side {
    const { clock, entropy } = this.#options;
    const payloadOctets = () => this.#payloadOctets;
    const port = {
      get payloadOctets() {
        return payloadOctets();
      },
      write: (octets: Uint8Array) => this.#write(toCentral, octets),
    };
    const handler = { frame: (frame: Uint8Array) => this.#frame(direction, frame), failed: () => {} };
    // Towards the peripheral the attacker is the one that has connected.
    return { stream: new SegmentStream(port, handler, clock, toCentral ? undefined : entropy) };
  }

  #frame(direction: Direction, frame: Uint8Array): void {
    const { kept, script, tampering } = this.#options;
    if (script !== undefined) {
      if (direction === 'in') this.answers++;
      return;
    }
    kept[direction].push(Uint8Array.from(frame));
    const bit = nextFlip(tampering, direction, 8 * frame.length);
    const sent = Uint8Array.from(frame);
    if (bit !== undefined) sent[bit >> 3] = (sent[bit >> 3] as number) ^ (1 << (bit & 7));
    this.send(direction, sent);
  }

  #write(toCentral: boolean, octets: Uint8Array): void {
    const opcode = toCentral ? VALUE.notification : VALUE.write;
    // The handles of both characteristics follow one another: service, declaration, value, declaration, value.
    const handle = this.#handles.get(opcode) ?? this.#guess(toCentral);
    this.#options.inject(toCentral, Buffer.concat([Buffer.from([opcode]), handle, octets]));
  }

  /** The handle of the characteristic of which no value was seen yet, from that of the other one. */
  #guess(toCentral: boolean): Buffer {
    const known = this.#handles.get(toCentral ? VALUE.write : VALUE.notification)?.readUInt16LE(0) ?? 0;
    const guessed = Buffer.alloc(2);
    guessed.writeUInt16LE(known + (toCentral ? 2 : -2), 0);
    return guessed;
  }
}
