import type { Link } from '../ports.js';

/** Who sent a frame: the side that opened the connection, or the one that accepted it. */
export type Side = 'initiator' | 'responder';

/** A frame as the attacker saw it. */
export interface SeenFrame {
  /** Its place in {@link AttackerLink.seen}. */
  readonly index: number;
  readonly from: Side;
  readonly octets: Uint8Array;
}

/** What becomes of a frame: it goes on, it vanishes, or other frames go on in its place. */
export type Verdict = 'pass' | 'drop' | Uint8Array | readonly Uint8Array[];

/** Decides about one frame. May use the attacker itself, to inject or to replay. */
export type Tamper = (frame: SeenFrame, attacker: AttackerLink) => Verdict;

/** A man in the middle: sits between two links and does with their frames what `tamper` says. Records all of them. */
export class AttackerLink {
  /** Every frame that reached the attacker, in order. */
  readonly seen: SeenFrame[] = [];
  readonly #ends: Record<Side, Link>;
  #tamper: Tamper;

  /**
   * @param initiator the attacker's end of the connection that the initiator opened
   * @param responder the attacker's end of the connection that the responder accepted
   */
  constructor(initiator: Link, responder: Link, tamper: Tamper = () => 'pass') {
    this.#ends = { initiator, responder };
    this.#tamper = tamper;
    for (const from of ['initiator', 'responder'] as const) {
      this.#ends[from].open({
        frame: (octets) => this.#frame(from, octets),
        closed: (reason) => this.#ends[other(from)].close(reason),
      });
    }
  }

  /** Does something else from now on. */
  setTamper(tamper: Tamper): void {
    this.#tamper = tamper;
  }

  /** The frames that one side sent. */
  from(side: Side): Uint8Array[] {
    return this.seen.filter((frame) => frame.from === side).map((frame) => new Uint8Array(frame.octets));
  }

  /** Sends octets of the attacker's own making to one side. */
  inject(to: Side, octets: Uint8Array): void {
    this.#ends[to].send(octets);
  }

  /** Sends a frame seen earlier once more to where it was going, or back to its sender. */
  replay(index: number, to?: Side): void {
    const frame = this.seen[index];
    if (frame === undefined) throw new RangeError(`no frame ${index} among ${this.seen.length}`);
    this.inject(to ?? other(frame.from), frame.octets);
  }

  /** Closes both connections. */
  close(reason: string): void {
    this.#ends.initiator.close(reason);
    this.#ends.responder.close(reason);
  }

  #frame(from: Side, octets: Uint8Array): void {
    const frame = { index: this.seen.length, from, octets: new Uint8Array(octets) };
    this.seen.push(frame);
    const verdict = this.#tamper(frame, this);
    if (verdict === 'drop') return;
    const onward = verdict === 'pass' ? [octets] : verdict instanceof Uint8Array ? [verdict] : verdict;
    for (const next of onward) this.inject(other(from), next);
  }
}

function other(side: Side): Side {
  return side === 'initiator' ? 'responder' : 'initiator';
}

/** A copy of `octets` with one bit turned over. */
export function flipBit(octets: Uint8Array, bit: number): Uint8Array {
  const flipped = new Uint8Array(octets);
  const at = (bit >>> 3) % Math.max(1, flipped.length);
  flipped[at] = (flipped[at] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}
