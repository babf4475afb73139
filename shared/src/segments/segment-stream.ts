import { CpnsError, toCpnsError } from '../errors.js';
import type { Clock, Entropy } from '../ports.js';
import {
  badSegment,
  type CreditSegment,
  type DataSegment,
  decodeSegment,
  encodeCredit,
  encodeData,
  encodeHello,
  type HelloSegment,
  LINK_ID_OCTETS,
  MAX_PAYLOAD_OCTETS,
  MAX_WINDOW,
  MIN_PAYLOAD_OCTETS,
  SEGMENT_VERSION,
} from './segment.js';
import { SegmentReceiver } from './segment-receiver.js';
import { SegmentSender } from './segment-sender.js';

/** How a stream begins, and what it lets pass. */
export const STREAM_LIMITS = {
  /** The other side's hello comes within so many milliseconds. */
  helloMs: 3_000,
  /** Segments of older links that are dropped before the link ends. */
  stale: 64,
} as const;
/**
 * Credits travel alone only when so many segments were taken in; before, they wait for a data segment to ride on. Twice that is just
 * within the window: a window that arrives at once is granted again at once, and the sender does not have to wait for the rest of it.
 */
const GRANT_AT = 7;

/** The GATT connection under a stream. */
export interface SegmentPort {
  /** What one write or notification carries: ATT MTU less 3. May grow at any time. */
  readonly payloadOctets: number;
  /** Hands one segment to the stack, which keeps the order. */
  write(octets: Uint8Array): void;
}

/** What a stream tells the layer above. */
export interface SegmentHandler {
  /** One frame, whole; its octets belong to the callee. */
  frame(octets: Uint8Array): void;
  /** Once, before any frame: the peer's hello has come, so it speaks this protocol. */
  greeted?(): void;
  /** Once: nothing more is sent or delivered, the connection is of no use any more. */
  failed(error: CpnsError): void;
}

/**
 * Frames both ways over writes and notifications of any length from 20 octets. Nothing in a segment is secret or trusted: sessions above
 * seal frames, and a peer that lies here ends its own link, no more. Needs the order and integrity that a GATT connection gives; whatever
 * is lost nevertheless ends the link.
 */
export class SegmentStream {
  readonly #port: SegmentPort;
  readonly #handler: SegmentHandler;
  readonly #sender: SegmentSender;
  readonly #receiver: SegmentReceiver;
  readonly #initiated: boolean;
  readonly #cancelHello: () => void;
  #linkId: Uint8Array | undefined;
  #greeted = false;
  #over = false;
  #paused = false;
  #writing = false;
  #stale = 0;

  /** `chooser`: entropy for the link id on the side that connected; absent on the other side. */
  constructor(port: SegmentPort, handler: SegmentHandler, clock: Clock, chooser?: Entropy) {
    this.#port = port;
    this.#handler = handler;
    this.#sender = new SegmentSender(clock, (error) => this.#fail(error));
    this.#receiver = new SegmentReceiver(clock, (error) => this.#fail(error));
    this.#initiated = chooser !== undefined;
    this.#cancelHello = clock.after(STREAM_LIMITS.helloMs, () => this.#fail(silent()));
    if (chooser === undefined) return;
    this.#linkId = chooser.bytes(LINK_ID_OCTETS);
    port.write(encodeHello(this.#linkId, MAX_WINDOW));
  }

  /** Octets of frames that are not wholly sent. */
  get waitingOctets(): number {
    return this.#sender.waitingOctets;
  }

  /** Octets that are held for a frame under way from the peer. */
  get heldOctets(): number {
    return this.#receiver.heldOctets;
  }

  /** Queues one frame of 1 to 16,428 octets. When too much waits the stream fails; after its end nothing happens. */
  send(frame: Uint8Array): void {
    if (this.#over) return;
    this.#guarded(() => {
      this.#sender.push(frame);
      this.#flush();
    });
  }

  /** Takes one write or notification of the peer. */
  receive(octets: Uint8Array): void {
    if (this.#over) return;
    this.#guarded(() => {
      const segment = decodeSegment(octets);
      if (segment.kind === 'hello') this.#hello(segment);
      else if (!this.#greeted || segment.tag !== this.#tag) this.#dropStale();
      else this.#take(segment);
    });
  }

  /** Grants the peer nothing more until {@link resume}; what is granted already still comes. */
  pause(): void {
    this.#paused = true;
    this.#receiver.suspend();
  }

  resume(): void {
    this.#paused = false;
    if (this.#over) return;
    this.#receiver.proceed();
    if (this.#greeted) this.#guarded(() => this.#grant());
  }

  /** Ends the stream without a word. */
  close(): void {
    this.#over = true;
    this.#cancelHello();
    this.#sender.stop();
    this.#receiver.stop();
  }

  get #tag(): number {
    return this.#linkId?.[LINK_ID_OCTETS - 1] ?? 0;
  }

  #hello({ version, linkId, window }: HelloSegment): void {
    const known = this.#linkId?.every((octet, i) => octet === linkId[i]) ?? false;
    if (this.#initiated && !known) {
      this.#dropStale();
      return;
    }
    if (version !== SEGMENT_VERSION) {
      throw new CpnsError(
        'Codec',
        'UnknownVersion',
        'The other device speaks another version of CPNS over Bluetooth; update both devices.',
      );
    }
    if (this.#greeted && (known || this.#initiated)) throw badSegment('greets twice');
    // A hello left over from an older link may have come first; it is of no account as long as nothing was built on it.
    if (this.#sender.began || this.#receiver.received) {
      throw new CpnsError('Transport', 'LinkReplaced', 'The other device began this Bluetooth link anew.');
    }
    const first = !this.#greeted;
    if (!first) this.#dropStale();
    this.#linkId = linkId;
    this.#greeted = true;
    this.#cancelHello();
    this.#sender.open(window);
    if (!this.#initiated) this.#port.write(encodeHello(linkId, MAX_WINDOW));
    if (first) this.#handler.greeted?.();
    this.#flush();
  }

  #take(segment: CreditSegment | DataSegment): void {
    if (segment.grant > 0) this.#sender.grant(segment.grant);
    if (segment.kind === 'data') {
      const frame = this.#receiver.accept(segment);
      if (frame !== undefined) this.#handler.frame(frame);
      if (this.#over) return;
    }
    this.#flush();
    if (!this.#paused && this.#receiver.grantable >= GRANT_AT) this.#grant();
  }

  #flush(): void {
    // A port that answers within `write` would otherwise interleave two segments.
    if (this.#writing || !this.#greeted) return;
    this.#writing = true;
    try {
      while (!this.#over && this.#sender.ready) {
        const payload = Math.min(this.#port.payloadOctets, MAX_PAYLOAD_OCTETS);
        if (payload < MIN_PAYLOAD_OCTETS) throw new CpnsError('Internal', 'BadLength', 'A GATT value carries at least 20 octets.');
        const segment = this.#sender.next(payload, this.#paused ? 0 : this.#receiver.takeGrant());
        this.#port.write(encodeData({ tag: this.#tag, ...segment }));
      }
    } finally {
      this.#writing = false;
    }
  }

  #grant(): void {
    const grant = this.#receiver.takeGrant();
    if (grant > 0) this.#port.write(encodeCredit(this.#tag, grant));
  }

  #dropStale(): void {
    if (++this.#stale > STREAM_LIMITS.stale) throw badSegment('belongs to an older link, as too many before it');
  }

  #guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fail(toCpnsError(error));
    }
  }

  #fail(error: CpnsError): void {
    if (this.#over) return;
    this.close();
    this.#handler.failed(error);
  }
}

function silent(): CpnsError {
  return new CpnsError('Timeout', 'NoHello', 'The other device connected over Bluetooth and said nothing; it is asked again later.');
}
