import type { CpnsError } from '../../src/errors.js';
import { type SegmentHandler, SegmentStream } from '../../src/segments/index.js';
import { InsecureSeededEntropy, VirtualClock } from '../../src/testing/index.js';

/** One end of a {@link SegmentPair}: what it sent that has not arrived, what it was told. */
export class SegmentEnd implements SegmentHandler {
  readonly frames: Uint8Array[] = [];
  readonly failures: CpnsError[] = [];
  readonly onAir: Uint8Array[] = [];
  /** Everything it ever wrote. */
  readonly written: Uint8Array[] = [];
  readonly stream: SegmentStream;
  payloadOctets: number;

  constructor(clock: VirtualClock, payloadOctets: number, chooser?: InsecureSeededEntropy) {
    this.payloadOctets = payloadOctets;
    this.stream = new SegmentStream(this, this, clock, chooser);
  }

  write(octets: Uint8Array): void {
    this.written.push(octets);
    this.onAir.push(octets);
  }
  frame(octets: Uint8Array): void {
    this.frames.push(octets);
  }
  failed(error: CpnsError): void {
    this.failures.push(error);
  }
}

/** Two streams whose segments arrive when the test says so. */
export class SegmentPair {
  readonly clock = new VirtualClock();
  readonly central: SegmentEnd;
  readonly peripheral: SegmentEnd;

  constructor(payloadOctets = 253, seed = 'pair') {
    this.central = new SegmentEnd(this.clock, payloadOctets, new InsecureSeededEntropy(seed));
    this.peripheral = new SegmentEnd(this.clock, payloadOctets);
  }

  /** Delivers the oldest segment that `from` wrote; false: there is none. */
  deliver(from: SegmentEnd): boolean {
    const octets = from.onAir.shift();
    if (octets === undefined) return false;
    (from === this.central ? this.peripheral : this.central).stream.receive(octets);
    return true;
  }

  /** Delivers all, both ways, until nothing is on air. */
  settle(): void {
    while (this.deliver(this.central) || this.deliver(this.peripheral));
  }

  get failures(): string[] {
    return [...this.central.failures, ...this.peripheral.failures].map((error) => error.code);
  }
}

export const framed = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 7 + salt) & 0xff);
