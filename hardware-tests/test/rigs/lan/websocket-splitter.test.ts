import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Piece, WebSocketSplitter } from '../../../rigs/lan/websocket-splitter.js';
import { frame, REQUEST } from './frames.js';

function split(octets: Buffer, sizes: readonly number[]): Piece[] {
  const splitter = new WebSocketSplitter();
  const pieces: Piece[] = [];
  let at = 0;
  for (let i = 0; at < octets.length; i++) {
    const size = sizes.length === 0 ? octets.length : (sizes[i % sizes.length] as number);
    pieces.push(...splitter.push(octets.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}

describe('the octets of a WebSocket connection', () => {
  it('are cut into frames wherever the network cuts them', () => {
    const payload = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom(125, 126, 65_535, 65_536).map((n) => new Uint8Array(n)),
    );
    const part = fc.record({ payload, mask: fc.option(fc.uint8Array({ minLength: 4, maxLength: 4 }), { nil: undefined }) });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 4 }), (parts, sizes) => {
        const frames = parts.map((one) => frame(one.payload, one.mask === undefined ? {} : { mask: one.mask }));
        const pieces = split(Buffer.concat([REQUEST, ...frames]), sizes);
        expect(pieces.map(({ octets }) => octets.toString('hex'))).toEqual([REQUEST, ...frames].map((octets) => octets.toString('hex')));
        for (const [i, piece] of pieces.slice(1).entries()) {
          expect(piece).toMatchObject({ kind: 'frame', binary: true });
          if (piece.kind === 'frame') expect(piece.octets.length - piece.body).toBe(parts[i]?.payload.length);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('that are no binary frames are marked', () => {
    const [, ping] = split(Buffer.concat([REQUEST, frame(new Uint8Array(3), { opcode: 9 })]), []);
    expect(ping).toMatchObject({ kind: 'frame', binary: false });
  });

  it('pass as they are when no WebSocket comes of it', () => {
    const answer = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"v":"1"}');
    const pieces = split(answer, [10]);
    expect(Buffer.concat(pieces.map(({ octets }) => octets))).toEqual(answer);
    expect(pieces[0]).toMatchObject({ kind: 'head', upgrades: false });
    expect(pieces.slice(1).every(({ kind }) => kind === 'other')).toBe(true);
  });

  it('are refused when they are too long to be either', () => {
    expect(() => new WebSocketSplitter().push(Buffer.alloc(20_000, 65))).toThrow('no HTTP head');
    const long = Buffer.from([0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect(() => new WebSocketSplitter().push(Buffer.concat([REQUEST, long]))).toThrow('too long');
  });
});
