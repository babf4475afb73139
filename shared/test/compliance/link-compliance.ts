import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link, LinkHandler } from '../../src/ports.js';

/** Two ends of one connection, of whatever technology. */
interface LinkPair {
  /** The end that opened the connection. */
  readonly initiator: Link;
  readonly responder: Link;
}

/** What the suite needs to know about the technology under test; made afresh for every test. */
export interface LinkHarness {
  /** Connects two ends. Neither has been opened. */
  connect(): Promise<LinkPair>;
  /** Breaks the connection without a goodbye, where that can be done; both ends must notice. */
  sever?(pair: LinkPair): Promise<void>;
  /** Lets time pass until `wait` has settled. Default: real time passes by itself. */
  drive?<T>(wait: Promise<T>): Promise<T>;
  /** Largest frame the suite sends. Default: 16,384 octets and 64 of protection. */
  readonly largestFrame?: number;
  /** Ends everything. */
  dispose(): Promise<void>;
}

/** Collects what a link delivers and lets a test wait for it. */
export class LinkProbe implements LinkHandler {
  readonly frames: Uint8Array[] = [];
  readonly closings: string[] = [];
  /** Frames that arrived after `closed`. */
  late = 0;
  readonly #onFrame: ((octets: Uint8Array) => void) | undefined;
  #watchers: (() => void)[] = [];

  constructor(onFrame?: (octets: Uint8Array) => void) {
    this.#onFrame = onFrame;
  }

  frame(octets: Uint8Array): void {
    if (this.closings.length > 0) this.late++;
    this.frames.push(octets);
    this.#onFrame?.(octets);
    for (const watch of this.#watchers) watch();
  }

  closed(reason: string): void {
    this.closings.push(reason);
    for (const watch of this.#watchers) watch();
  }

  /** Resolves when at least `count` frames are there. */
  received(count: number): Promise<void> {
    return this.#until(() => this.frames.length >= count);
  }

  /** Resolves when the link told that it is closed. */
  ended(): Promise<void> {
    return this.#until(() => this.closings.length > 0);
  }

  #until(met: () => boolean): Promise<void> {
    if (met()) return Promise.resolve();
    return new Promise((resolve) => {
      const watch = () => {
        if (!met()) return;
        this.#watchers = this.#watchers.filter((other) => other !== watch);
        resolve();
      };
      this.#watchers.push(watch);
    });
  }
}

/** A frame whose every octet depends on its number, so that a mix-up shows. */
function numbered(number: number, length = 8): Uint8Array {
  const frame = new Uint8Array(length);
  for (let i = 0; i < length; i++) frame[i] = (number * 31 + i * 7) & 0xff;
  return frame;
}

/** What every {@link Link} must do, whatever carries it. */
export function describeLink(name: string, make: () => LinkHarness | Promise<LinkHarness>): void {
  describe(`${name} as a Link`, () => {
    let harness: LinkHarness;
    let pair: LinkPair;
    const drive = <T>(wait: Promise<T>): Promise<T> => harness.drive?.(wait) ?? wait;
    /** A frame there and back: whatever was sent before has arrived. */
    const settled = async (from: Link, at: LinkProbe): Promise<void> => {
      const before = at.frames.length;
      from.send(Uint8Array.of(0xff));
      await drive(at.received(before + 1));
    };

    beforeEach(async () => {
      harness = await make();
      pair = await drive(harness.connect());
    });
    afterEach(() => harness.dispose());

    it('knows which side opened it, of what technology it is and where the peer is', () => {
      expect(pair.initiator.initiated).toBe(true);
      expect(pair.responder.initiated).toBe(false);
      expect(pair.initiator.technology).toBe(pair.responder.technology);
      expect(pair.initiator.remote).not.toBe('');
      expect(pair.responder.remote).not.toBe('');
    });

    it('delivers frames whole, unaltered and in order, in both directions at once', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      for (let i = 0; i < 40; i++) {
        pair.initiator.send(numbered(i, 1 + i * 11));
        pair.responder.send(numbered(100 + i, 1 + i * 7));
      }
      await drive(Promise.all([left.received(40), right.received(40)]));
      expect(right.frames).toEqual(Array.from({ length: 40 }, (_, i) => numbered(i, 1 + i * 11)));
      expect(left.frames).toEqual(Array.from({ length: 40 }, (_, i) => numbered(100 + i, 1 + i * 7)));
    });

    it('carries the largest frame, several in a row', async () => {
      const largest = harness.largestFrame ?? 16_384 + 64;
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      for (let i = 0; i < 5; i++) {
        pair.initiator.send(numbered(i, largest));
        pair.responder.send(numbered(10 + i, largest));
      }
      await drive(Promise.all([left.received(5), right.received(5)]));
      expect(right.frames).toEqual([0, 1, 2, 3, 4].map((i) => numbered(i, largest)));
      expect(left.frames).toEqual([10, 11, 12, 13, 14].map((i) => numbered(i, largest)));
    });

    it('gives the receiver Uint8Arrays of its own', async () => {
      const right = new LinkProbe();
      pair.initiator.open(new LinkProbe());
      pair.responder.open(right);
      pair.initiator.send(numbered(1));
      await drive(right.received(1));
      right.frames[0]?.fill(0);
      pair.initiator.send(numbered(2));
      await drive(right.received(2));
      expect(right.frames).toEqual([new Uint8Array(8), numbered(2)]);
    });

    it('does not care what the sender does to its buffer afterwards', async () => {
      const right = new LinkProbe();
      pair.initiator.open(new LinkProbe());
      pair.responder.open(right);
      const buffer = Buffer.from(numbered(1, 4096));
      for (let i = 0; i < 3; i++) pair.initiator.send(buffer);
      buffer.fill(0);
      await drive(right.received(3));
      expect(right.frames).toEqual([numbered(1, 4096), numbered(1, 4096), numbered(1, 4096)]);
    });

    it('keeps the frames that arrive before it is opened', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      for (let i = 0; i < 64; i++) pair.initiator.send(numbered(i));
      pair.responder.send(numbered(200));
      await drive(left.received(1));
      pair.responder.open(right);
      await drive(right.received(64));
      expect(right.frames).toEqual(Array.from({ length: 64 }, (_, i) => numbered(i)));
      expect(right.closings).toEqual([]);
    });

    it('never leaves a gap when more arrives than it keeps: it closes instead', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      for (let i = 0; i < 300; i++) pair.initiator.send(numbered(i));
      pair.responder.send(numbered(1));
      await drive(Promise.race([left.received(1), left.ended()]));
      pair.responder.open(right);
      await drive(Promise.race([right.received(300), right.ended()]));
      expect(right.frames).toEqual(Array.from({ length: right.frames.length }, (_, i) => numbered(i)));
      expect(right.frames.length === 300 || right.closings.length === 1).toBe(true);
    });

    it('tells both ends once when one closes, and the closing end its own reason', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      pair.initiator.close('done with it');
      pair.initiator.close('again');
      await drive(Promise.all([left.ended(), right.ended()]));
      pair.responder.close('me too');
      expect(left.closings).toEqual(['done with it']);
      expect(right.closings).toHaveLength(1);
      expect(right.closings[0]).not.toBe('');
    });

    it('can be closed by the side that accepted it', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      pair.responder.close('not for you');
      await drive(Promise.all([left.ended(), right.ended()]));
      expect(right.closings).toEqual(['not for you']);
      expect(left.closings).toHaveLength(1);
    });

    it('delivers what was sent before it was closed', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      for (let i = 0; i < 10; i++) pair.responder.send(numbered(i, 2000));
      pair.responder.close('last words said');
      await drive(left.ended());
      expect(left.frames).toEqual(Array.from({ length: 10 }, (_, i) => numbered(i, 2000)));
      expect(left.late).toBe(0);
    });

    it('tells an end that is opened late what had arrived and that it is closed', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.initiator.send(numbered(1));
      pair.initiator.close('too slow');
      await drive(left.ended());
      pair.responder.open(right);
      await drive(right.ended());
      expect(right.frames).toEqual([numbered(1)]);
      expect(right.closings).toHaveLength(1);
    });

    it('can be closed without ever having been opened', async () => {
      const right = new LinkProbe();
      pair.responder.open(right);
      pair.initiator.close('changed my mind');
      await drive(right.ended());
      expect(right.closings).toHaveLength(1);
    });

    it('ignores what is sent after it was closed', async () => {
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      pair.initiator.close('done');
      pair.initiator.send(numbered(1));
      await drive(Promise.all([left.ended(), right.ended()]));
      pair.initiator.send(numbered(2));
      pair.responder.send(numbered(3));
      expect(right.frames).toEqual([]);
      expect(left.frames).toEqual([]);
    });

    it('delivers nothing more to a handler that closed it', async () => {
      const left = new LinkProbe();
      const right = new LinkProbe(() => pair.responder.close('enough'));
      pair.initiator.open(left);
      for (let i = 0; i < 20; i++) pair.initiator.send(numbered(i));
      pair.responder.open(right);
      await drive(Promise.all([left.ended(), right.ended()]));
      expect(right.frames).toEqual([numbered(0)]);
      expect(right.closings).toEqual(['enough']);
    });

    it('can be sent on from inside its handler', async () => {
      const left = new LinkProbe();
      const right = new LinkProbe((octets) => pair.responder.send(octets));
      pair.initiator.open(left);
      pair.responder.open(right);
      for (let i = 0; i < 5; i++) pair.initiator.send(numbered(i));
      await drive(left.received(5));
      expect(left.frames).toEqual([0, 1, 2, 3, 4].map((i) => numbered(i)));
      await settled(pair.responder, left);
      expect(left.frames).toHaveLength(6);
    });

    it('tells both ends when the connection breaks', async ({ skip }) => {
      if (harness.sever === undefined) return skip('this technology cannot be broken here');
      const [left, right] = [new LinkProbe(), new LinkProbe()];
      pair.initiator.open(left);
      pair.responder.open(right);
      await harness.sever(pair);
      await drive(Promise.all([left.ended(), right.ended()]));
      expect(left.closings).toHaveLength(1);
      expect(right.closings).toHaveLength(1);
    });
  });
}
