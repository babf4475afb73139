/** Longest head of an HTTP message, and longest frame, that are put together. */
const LONGEST_HEAD = 16_384;
const LONGEST_FRAME = 1_048_576;

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const BINARY = 0x2;

/** A piece of one direction of a WebSocket connection, with the octets as they were on the wire. */
export type Piece =
  /** The HTTP request or response in front. */
  | { readonly kind: 'head'; readonly octets: Buffer; readonly upgrades: boolean }
  /** What follows when the connection does not become a WebSocket connection. */
  | { readonly kind: 'other'; readonly octets: Buffer }
  /** `body`: where the payload begins. A masked payload is left masked: its bits flip and repeat all the same. */
  | { readonly kind: 'frame'; readonly octets: Buffer; readonly body: number; readonly binary: boolean };

/** Cuts the octets of one direction of a WebSocket connection (RFC 6455 section 5.2) into frames without understanding them. */
export class WebSocketSplitter {
  #rest = Buffer.alloc(0);
  #expects: Piece['kind'] = 'head';

  /** @throws RangeError when it is neither HTTP nor WebSocket */
  push(octets: Buffer): Piece[] {
    this.#rest = Buffer.concat([this.#rest, octets]);
    const pieces: Piece[] = [];
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) {
      pieces.push(piece);
      this.#rest = this.#rest.subarray(piece.octets.length);
    }
    return pieces;
  }

  #next(): Piece | undefined {
    if (this.#expects === 'head') return this.#head();
    if (this.#expects === 'frame') return this.#frame();
    return this.#rest.length === 0 ? undefined : { kind: 'other', octets: this.#rest };
  }

  #head(): Piece | undefined {
    const end = this.#rest.indexOf(END_OF_HEAD);
    if (end < 0) {
      if (this.#rest.length > LONGEST_HEAD) throw new RangeError('no HTTP head');
      return undefined;
    }
    const octets = this.#rest.subarray(0, end + END_OF_HEAD.length);
    const upgrades = /^upgrade:\s*websocket/im.test(octets.toString('latin1'));
    this.#expects = upgrades ? 'frame' : 'other';
    return { kind: 'head', octets, upgrades };
  }

  #frame(): Piece | undefined {
    const [first, second] = this.#rest;
    if (first === undefined || second === undefined) return undefined;
    const maskOctets = second & 0x80 ? 4 : 0;
    const short = second & 0x7f;
    const lengthOctets = short === 126 ? 2 : short === 127 ? 8 : 0;
    const body = 2 + lengthOctets + maskOctets;
    if (this.#rest.length < body) return undefined;
    const length = lengthOctets === 2 ? this.#rest.readUInt16BE(2) : lengthOctets === 8 ? Number(this.#rest.readBigUInt64BE(2)) : short;
    if (length > LONGEST_FRAME) throw new RangeError('a frame that is too long');
    if (this.#rest.length < body + length) return undefined;
    return { kind: 'frame', octets: this.#rest.subarray(0, body + length), body, binary: (first & 0x0f) === BINARY };
  }
}
