import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DownlinkGuard, MAX_DOWNLINK_FRAME_OCTETS } from '../../src/uplink/downlink-guard.js';

/** A frame with a body of `length` zeros. */
function frame(first: number, length: number): Uint8Array {
  const header = [first];
  let left = length;
  do {
    header.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0));
    left >>= 7;
  } while (left > 0);
  return Uint8Array.from([...header, ...new Uint8Array(length)]);
}

describe('DownlinkGuard', () => {
  it('accepts frames within bounds, however they are cut', () => {
    const frames = fc.array(fc.record({ first: fc.constantFrom(0x20, 0x30, 0x32, 0x40, 0xd0), length: fc.nat(700) }), { maxLength: 8 });
    fc.assert(
      fc.property(frames, fc.integer({ min: 1, max: 300 }), (list, step) => {
        const all = Uint8Array.from(list.flatMap(({ first, length }) => [...frame(first, length)]));
        const guard = new DownlinkGuard();
        for (let at = 0; at < all.length; at += step) expect(guard.accepts(all.subarray(at, at + step))).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a frame that is one octet too long, at its header', () => {
    expect(new DownlinkGuard().accepts(frame(0x30, MAX_DOWNLINK_FRAME_OCTETS))).toBe(true);
    expect(new DownlinkGuard().accepts(frame(0x30, MAX_DOWNLINK_FRAME_OCTETS + 1).subarray(0, 4))).toBe(false);
  });

  it('refuses a length without end', () => {
    expect(new DownlinkGuard().accepts(Uint8Array.of(0x20, 0x80, 0x80, 0x80, 0x80))).toBe(false);
  });

  it.each([0x34, 0x36])('refuses a PUBLISH with QoS 2 or the impossible one: %i', (first) => {
    expect(new DownlinkGuard().accepts(Uint8Array.of(first))).toBe(false);
  });
});
