import { encodeCredit, encodeData } from '@cpns/shared';
import { describe, expect, it } from 'vitest';
import { type AttPacket, establishmentOnAir } from '../../../benchmarks/ble/on-air.js';

const PNE = 'c0:ff:ee:00:00:02';
const GATEWAY = 'c0:ff:ee:00:00:01';
const TAG = 7;

const att = (from: string, value: Uint8Array): AttPacket => ({
  from,
  octets: Uint8Array.of(from === PNE ? 0x1b : 0x52, 0x0c, 0x00, ...value),
});
const grant = (from: string) => att(from, encodeCredit(TAG, 8));

/** The segments of one frame of so many octets, `each` in a segment. */
function frame(from: string, octets: number, each = octets): AttPacket[] {
  return Array.from({ length: Math.ceil(octets / each) }, (_, i) => {
    const content = new Uint8Array(Math.min(each, octets - i * each));
    const last = (i + 1) * each >= octets;
    return att(from, encodeData({ tag: TAG, sequence: i & 0x0f, last, frameLength: i === 0 ? octets : undefined, grant: 0, content }));
  });
}

const up = (octets: number, each?: number) => frame(PNE, octets, each);
const down = (octets: number, each?: number) => frame(GATEWAY, octets, each);
const before = up(88);
const request = up(280, 200);
const between = [...down(88), ...down(280), ...up(281), ...down(152), ...up(152), ...down(152), ...up(152)];
const response = down(536, 200);
const after = [...down(152), ...up(219)];
const octetsOf = (packets: readonly AttPacket[]) => packets.reduce((sum, { octets }) => sum + octets.length, 0);

describe('what an establishment costs on the air', () => {
  it('is every packet from the first segment of the request to the last of the response', () => {
    const counted = [...request, ...between, ...response];
    expect(establishmentOnAir([...before, ...counted, ...after], PNE)).toEqual({
      attOperations: 2 + 7 + 3,
      bytesOnAir: octetsOf(counted),
      credits: 0,
    });
  });

  it('counts credits, and packets that carry no segment, in between', () => {
    const mtuRequest = { from: GATEWAY, octets: Uint8Array.of(0x02, 0x00, 0x01) };
    const counted = [...request, grant(GATEWAY), mtuRequest, ...between, grant(PNE), ...response];
    const cost = establishmentOnAir([grant(PNE), ...before, grant(GATEWAY), ...counted, grant(PNE), ...after], PNE);
    expect(cost).toEqual({ attOperations: 2 + 7 + 3 + 3, bytesOnAir: octetsOf(counted), credits: 2 });
  });

  it('is not told when something came in between, or it did not end', () => {
    const keepAlive = up(40);
    expect(establishmentOnAir([...keepAlive, ...before, ...request, ...between, ...response], PNE)).toBeUndefined();
    expect(establishmentOnAir([...before, ...request, ...between, ...keepAlive, ...response], PNE)).toBeUndefined();
    expect(establishmentOnAir([...before, ...request, ...between, ...response.slice(0, -1)], PNE)).toBeUndefined();
    expect(establishmentOnAir([], PNE)).toBeUndefined();
  });
});
