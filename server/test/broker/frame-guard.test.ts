import { TokenBucket } from '@cpns/shared';
import { VirtualClock } from '@cpns/shared/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Refusal } from '../../src/broker/broker.js';
import { FrameGuard } from '../../src/broker/frame-guard.js';

const MAX = 5000;
const CONNECT = frame(0x10, 20);

function lengthOctets(length: number): number[] {
  const octets = [];
  for (let rest = length; ; ) {
    const octet = rest % 128;
    rest = Math.floor(rest / 128);
    octets.push(rest > 0 ? octet | 0x80 : octet);
    if (rest === 0) return octets;
  }
}

function frame(type: number, length: number): Uint8Array {
  return new Uint8Array([type, ...lengthOctets(length), ...new Uint8Array(length)]);
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function guard(frames = 1000): FrameGuard {
  return new FrameGuard(MAX, new TokenBucket(new VirtualClock(), 1, frames));
}

describe('FrameGuard', () => {
  it('lets frames up to the bound through, in whatever pieces they come', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ type: fc.constantFrom(0x30, 0x32, 0x82, 0xc0), length: fc.integer({ min: 0, max: MAX }) }), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 4000 }), { minLength: 1, maxLength: 40 }),
        (frames, sizes) => {
          const octets = join(CONNECT, ...frames.map(({ type, length }) => frame(type, length)));
          const watched = guard();
          for (let at = 0, i = 0; at < octets.length; i++) {
            const size = sizes[i % sizes.length] as number;
            expect(watched.accept(octets.subarray(at, at + size))).toBeUndefined();
            at += size;
          }
        },
      ),
    );
  });

  it('refuses a longer frame at its header, whatever came before and however it is cut', () => {
    fc.assert(
      fc.property(fc.integer({ min: MAX + 1, max: 268_435_455 }), fc.nat(3), fc.boolean(), (length, before, byOctets) => {
        const watched = guard();
        const octets = join(
          CONNECT,
          ...Array.from({ length: before }, () => frame(0x30, 9)),
          new Uint8Array([0x30, ...lengthOctets(length)]),
        );
        let refusal: Refusal | undefined;
        if (byOctets) for (const octet of octets) refusal ??= watched.accept(new Uint8Array([octet]));
        else refusal = watched.accept(octets);
        expect(refusal).toBe('frame-size');
      }),
    );
  });

  it('refuses a length of more than four octets', () => {
    expect(guard().accept(join(CONNECT, new Uint8Array([0x30, 0x80, 0x80, 0x80, 0x80, 0x00])))).toBe('frame-size');
  });

  it('refuses whatever does not begin with CONNECT', () => {
    for (let type = 0; type < 16; type++) {
      expect(guard().accept(new Uint8Array([type << 4]))).toBe(type === 1 ? undefined : 'no-connect');
    }
  });

  it('bounds CONNECT at 1024 octets', () => {
    expect(guard().accept(frame(0x10, 1024))).toBeUndefined();
    expect(guard().accept(frame(0x10, 1025).subarray(0, 3))).toBe('frame-size');
  });

  it('counts frames, not octets', () => {
    const clock = new VirtualClock();
    const watched = new FrameGuard(MAX, new TokenBucket(clock, 2, 3));
    expect(watched.accept(join(CONNECT, frame(0x30, MAX), frame(0xc0, 0)))).toBeUndefined();
    expect(watched.accept(frame(0xc0, 0))).toBe('frame-rate');
  });
});
