import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_FRAME_OCTETS } from '../../src/segments/index.js';
import { framed, SegmentPair } from './segment-pair.js';

const mtu = fc.integer({ min: 23, max: 517 });
const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 600 }), fc.integer({ min: 1, max: MAX_FRAME_OCTETS })), { maxLength: 8 });
const made = (of: readonly number[]) => of.map((length, i) => framed(length, i));

describe('any frames over any MTU', () => {
  it('arrive as they were sent, in order, however segments interleave', () => {
    fc.assert(
      fc.property(mtu, lengths, lengths, fc.array(fc.boolean(), { maxLength: 200 }), (octets, up, down, turns) => {
        const pair = new SegmentPair(octets - 3);
        for (const frame of made(up)) pair.central.stream.send(frame);
        for (const frame of made(down)) pair.peripheral.stream.send(frame);
        for (const turn of turns) pair.deliver(turn ? pair.central : pair.peripheral);
        pair.settle();
        expect(pair.failures).toEqual([]);
        expect(pair.peripheral.frames).toEqual(made(up));
        expect(pair.central.frames).toEqual(made(down));
        expect(pair.clock.pending).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it('are never delivered wrong: a lost, repeated or swapped segment ends the link, or changes nothing', () => {
    const fault = fc.constantFrom('lose', 'repeat', 'swap');
    fc.assert(
      fc.property(mtu, lengths, fault, fc.nat(300), (octets, up, what, at) => {
        const pair = new SegmentPair(octets - 3);
        for (const frame of made(up)) pair.central.stream.send(frame);
        for (let i = 0; i < at && (pair.deliver(pair.central) || pair.deliver(pair.peripheral)); i++);
        const [next, second] = pair.central.onAir;
        if (what === 'lose') pair.central.onAir.shift();
        else if (what === 'repeat' && next) pair.central.onAir.unshift(next);
        else if (next && second) pair.central.onAir.splice(0, 2, second, next);
        pair.settle();
        expect(pair.peripheral.frames).toEqual(made(up).slice(0, pair.peripheral.frames.length));
        expect(pair.peripheral.stream.heldOctets).toBeLessThanOrEqual(MAX_FRAME_OCTETS);
      }),
      { numRuns: 200 },
    );
  });

  it('keep number and length when a bit of a segment flips, or the link ends', () => {
    fc.assert(
      fc.property(mtu, lengths, fc.nat(300), fc.nat(5_000), (octets, up, at, bit) => {
        const pair = new SegmentPair(octets - 3);
        for (const frame of made(up)) pair.central.stream.send(frame);
        for (let i = 0; i < at && (pair.deliver(pair.central) || pair.deliver(pair.peripheral)); i++);
        const hit = pair.central.onAir[0];
        if (hit) {
          const position = (bit >> 3) % hit.length;
          hit[position] = (hit[position] as number) ^ (1 << (bit & 7));
        }
        pair.settle();
        const arrived = pair.peripheral.frames.map(({ length }) => length);
        expect(arrived).toEqual(up.slice(0, arrived.length));
      }),
      { numRuns: 200 },
    );
  });

  it('cost bounded memory and nothing but a CpnsError, whatever a peer writes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 520 }), { maxLength: 60 }), (writes) => {
        const pair = new SegmentPair();
        pair.settle();
        const tag = pair.central.written[0]?.[6] as number;
        for (const octets of writes) {
          if (octets.length > 1) octets[1] = tag;
          pair.peripheral.stream.receive(octets);
          expect(pair.peripheral.stream.heldOctets).toBeLessThanOrEqual(MAX_FRAME_OCTETS);
        }
        expect(pair.peripheral.failures.every(({ family }) => family !== 'Internal')).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
