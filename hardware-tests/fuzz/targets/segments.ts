import {
  decodeSegment,
  encodeCredit,
  encodeData,
  encodeHello,
  MAX_FRAME_OCTETS,
  MAX_WINDOW,
  SEGMENT_VERSION,
  type Segment,
  SegmentStream,
} from '@cpns/shared';
import { decodeBleServiceData, encodeBleServiceData, Mode } from '@cpns/shared/messages';
import { concat } from '@cpns/shared/security';
import { InsecureSeededEntropy, VirtualClock } from '@cpns/shared/testing';
import { must, sameOctets, unlessRefused } from '../oracle.js';
import type { FuzzTarget } from '../target.js';

/** Segments as one input: of each `length(2) octets`. */
function written(segments: readonly Uint8Array[]): Uint8Array {
  return concat(...segments.map((octets) => concat(Uint8Array.of(octets.length >> 8, octets.length), octets)));
}

function* segmentsIn(data: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  for (let at = 0; at + 2 <= data.length; ) {
    const length = view.getUint16(at);
    yield data.subarray(at + 2, at + 2 + length);
    at += 2 + length;
  }
}

/** What an honest central writes to send these frames, granted all it needs. */
function honest(payloadOctets: number, lengths: readonly number[]): Uint8Array {
  const segments: Uint8Array[] = [];
  const clock = new VirtualClock();
  const handler = {
    frame: () => undefined,
    failed: (error: Error) => {
      throw error;
    },
  };
  const peripheral: SegmentStream = new SegmentStream(
    { payloadOctets, write: (octets) => central.receive(octets) },
    { ...handler, frame: (octets) => peripheral.send(octets.subarray(0, 1)) },
    clock,
  );
  const early: Uint8Array[] = [];
  const write = (octets: Uint8Array) => {
    segments.push(octets);
    early.push(octets);
  };
  const central: SegmentStream = new SegmentStream({ payloadOctets, write }, handler, clock, new InsecureSeededEntropy('segments'));
  for (const length of lengths) central.send(new Uint8Array(length).map((_, i) => i));
  for (let next = early.shift(); next !== undefined; next = early.shift()) peripheral.receive(next);
  central.close();
  peripheral.close();
  return written(segments);
}

/** The octets that alone say this. */
function encoded(segment: Segment): Uint8Array {
  if (segment.kind === 'hello') return encodeHello(segment.linkId, segment.window);
  return segment.kind === 'credit' ? encodeCredit(segment.tag, segment.grant) : encodeData(segment);
}

export const segments: FuzzTarget = {
  name: 'segments',
  title: 'segments of a Bluetooth central, put together to frames',
  seeds: () =>
    new Map([
      ['short', honest(253, [40, 1, 200])],
      ['long', honest(253, [3_000])],
      ['small MTU', honest(20, [100, 400])],
      ['one octet', honest(20, [1])],
    ]),
  open: () => ({
    fuzz(data) {
      const clock = new VirtualClock();
      let wrote = 0;
      let over = false;
      const port = { payloadOctets: 253, write: () => void wrote++ };
      const stream = new SegmentStream(
        port,
        {
          frame: (octets) => must(!over && octets.length > 0 && octets.length <= MAX_FRAME_OCTETS, 'a frame came that must not'),
          failed: (error) => {
            must(!over, 'a stream failed twice');
            must(error.family !== 'Internal' && error.family !== 'Timeout', `a peer caused ${error.family}/${error.code}`);
            over = true;
          },
        },
        clock,
      );
      let came = 0;
      for (const octets of segmentsIn(data)) {
        came++;
        const segment = unlessRefused(['Codec'], () => decodeSegment(octets));
        const known = segment !== undefined && (segment.kind !== 'hello' || segment.version === SEGMENT_VERSION);
        must(!known || sameOctets(encoded(segment), octets), 'a segment has two forms');
        stream.receive(octets);
        must(stream.heldOctets <= MAX_FRAME_OCTETS, 'more than a frame is held');
        must(wrote <= came + MAX_WINDOW, 'a peer is answered with more than it says');
      }
      stream.close();
      must(clock.pending === 0, 'a timer is left');
    },
  }),
};

export const bleAdvertisement: FuzzTarget = {
  name: 'ble-advertisement',
  title: 'what a device near says of itself over Bluetooth',
  seeds: () =>
    new Map(
      Object.entries(Mode).map(([name, mode]) => [
        name,
        encodeBleServiceData({ mode, pairingOpen: mode % 2 === 0, hint: Uint8Array.of(1, 2, 3, 4, 5, mode) }),
      ]),
    ),
  open: () => ({
    fuzz(data) {
      const read = decodeBleServiceData(data);
      must(read === undefined || sameOctets(encodeBleServiceData(read), data), 'an advertisement has two forms');
    },
  }),
};
