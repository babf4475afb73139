import { createRequire } from 'node:module';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AclGuard, MOST_L2CAP_OCTETS } from '../../../../src/pan/ble/radio/acl-guard.js';

const require = createRequire(import.meta.url);
const ATT = 4;
const [START, CONTINUES] = [2, 1];
const u16 = (value: number) => [value & 0xff, value >> 8];

/** An ACL packet as a controller hands it to a host. */
function acl(boundary: number, octets: readonly number[], handle = 0x0041): Buffer {
  return Buffer.from([0x02, ...u16(handle | (boundary << 12)), ...u16(octets.length), ...octets]);
}

/** A piece that begins a packet of `length` octets of which it has some. */
const begins = (length: number, some: number, handle?: number) =>
  acl(START, [...u16(length), ...u16(ATT), ...new Array(some).fill(7)], handle);
const goesOn = (some: number, handle?: number) => acl(CONTINUES, new Array(some).fill(7), handle);

describe('a packet in pieces', () => {
  it('passes, several connections at a time', () => {
    const guard = new AclGuard();
    const pieces = [
      begins(256, 247),
      begins(30, 10, 0x0042),
      goesOn(9),
      goesOn(20, 0x0042),
      begins(256, 256),
      begins(MOST_L2CAP_OCTETS, 0),
    ];
    expect(pieces.map((piece) => guard.passes(piece))).toEqual(pieces.map(() => true));
  });

  it.each<[string, Buffer[]]>([
    ['ends before its head', [acl(START, [5, 0, 4])]],
    ['has more than it says', [begins(10, 11)]],
    ['goes on when it is complete', [begins(10, 10), goesOn(1)]],
    ['goes on beyond its length', [begins(10, 4), goesOn(7)]],
    ['was never begun', [goesOn(4)]],
    ['is longer than any that is used', [begins(MOST_L2CAP_OCTETS + 1, 0)]],
    ['has no head at all', [Buffer.from([0x02, 0x41, 0x20])]],
  ])('does not pass when it %s', (_, pieces) => {
    const guard = new AclGuard();
    expect(pieces.map((piece) => guard.passes(piece))).toEqual(pieces.map((_piece, at) => at < pieces.length - 1));
    expect(guard.passes(begins(3, 3))).toBe(true);
  });
});

interface Library {
  readonly name: string;
  readonly read: (this: object, packet: Buffer) => void;
}

function libraries(): Library[] {
  return ['noble', 'bleno'].flatMap((name) => {
    try {
      const { prototype } = require(`@abandonware/${name}/lib/hci-socket/hci.js`) as { prototype: { onSocketData: Library['read'] } };
      return [{ name, read: prototype.onSocketData }];
    } catch {
      return [];
    }
  });
}

const piece = fc
  .tuple(fc.constantFrom(START, CONTINUES, 0), fc.nat(600), fc.nat(251), fc.constantFrom(0x0041, 0x0042))
  .map(([boundary, length, some, handle]) => (boundary === CONTINUES ? goesOn(some, handle) : begins(length, some, handle)));

it.each(libraries())('$name never keeps more of a packet than a packet has', ({ read }) => {
  const run = fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
    const guard = new AclGuard();
    const kept: Record<number, { readonly data: Buffer } | undefined> = {};
    const hci = { _handleBuffers: kept, emit: () => {} };
    for (const packet of pieces) if (guard.passes(packet)) read.call(hci, packet);
    for (const one of Object.values(kept)) expect(one?.data.length ?? 0).toBeLessThanOrEqual(MOST_L2CAP_OCTETS);
  });
  fc.assert(run, { numRuns: 300 });
});
