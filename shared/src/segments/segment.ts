import { CpnsError } from '../errors.js';

/** Version of this layer, in every hello. */
export const SEGMENT_VERSION = 1;
/** The longest frame, and so the most that reassembly holds in one direction, in octets: the longest record of any channel. */
export const MAX_FRAME_OCTETS = 16_428;
/** The shortest and the longest value that one GATT write or notification carries: ATT MTU 23 less 3, and the longest attribute. */
export const MIN_PAYLOAD_OCTETS = 20;
export const MAX_PAYLOAD_OCTETS = 512;
/** Segments that may be under way in one direction. Below the 16 sequence numbers, so that no loss looks like order. */
export const MAX_WINDOW = 15;
/** Octets of a link id. Its last one, the tag, stands in every other segment. */
export const LINK_ID_OCTETS = 4;

/** Bits of the first octet; the lower four are the sequence number of a data segment. */
export const SEGMENT_BIT = { first: 0x80, last: 0x40, grant: 0x20, data: 0x10 } as const;
const SEQUENCE = 0x0f;
const HELLO = SEGMENT_BIT.first;
const CREDIT = SEGMENT_BIT.grant;
const HELLO_OCTETS = 3 + LINK_ID_OCTETS;
const CREDIT_OCTETS = 3;

/** First words of either side; the one that connected chooses the link id, the other repeats it. */
export interface HelloSegment {
  readonly kind: 'hello';
  readonly version: number;
  readonly linkId: Uint8Array;
  /** Data segments that this side takes before it grants more, 1 to {@link MAX_WINDOW}. */
  readonly window: number;
}
/** Nothing but credits: so many more data segments may be sent. */
export interface CreditSegment {
  readonly kind: 'credit';
  readonly tag: number;
  readonly grant: number;
}
/** Part of a frame. */
export interface DataSegment {
  readonly kind: 'data';
  readonly tag: number;
  /** Counts the data segments of one direction, modulo 16. */
  readonly sequence: number;
  readonly last: boolean;
  /** Octets of the whole frame; stands in its first segment only. */
  readonly frameLength: number | undefined;
  /** Credits that travel along; 0: none. */
  readonly grant: number;
  /** A view of the octets that came. */
  readonly content: Uint8Array;
}
export type Segment = HelloSegment | CreditSegment | DataSegment;

export function encodeHello(linkId: Uint8Array, window: number): Uint8Array {
  const octets = new Uint8Array(HELLO_OCTETS);
  octets.set([HELLO, SEGMENT_VERSION, window]);
  octets.set(linkId, 3);
  return octets;
}

export function encodeCredit(tag: number, grant: number): Uint8Array {
  return Uint8Array.of(CREDIT, tag, grant);
}

/** Octets before the content of a data segment. */
export function dataHeaderOctets(segment: Pick<DataSegment, 'frameLength' | 'grant'>): number {
  return 2 + (segment.grant > 0 ? 1 : 0) + (segment.frameLength === undefined ? 0 : 2);
}

export function encodeData({ tag, sequence, last, frameLength, grant, content }: Omit<DataSegment, 'kind'>): Uint8Array {
  const header = dataHeaderOctets({ frameLength, grant });
  const octets = new Uint8Array(header + content.length);
  const { first: firstBit, last: lastBit, grant: grantBit, data } = SEGMENT_BIT;
  octets[0] = data | (frameLength === undefined ? 0 : firstBit) | (last ? lastBit : 0) | (grant > 0 ? grantBit : 0) | sequence;
  octets[1] = tag;
  if (grant > 0) octets[2] = grant;
  if (frameLength !== undefined) octets.set([frameLength >>> 8, frameLength & 0xff], header - 2);
  octets.set(content, header);
  return octets;
}

/**
 * Reads one segment. There is one form for each; everything else is refused.
 * @throws CpnsError Codec/BadSegment
 */
export function decodeSegment(octets: Uint8Array): Segment {
  const head = octets[0];
  if (head === undefined || octets.length > MAX_PAYLOAD_OCTETS) throw badSegment('has a length that no segment has');
  if ((head & SEGMENT_BIT.data) !== 0) return decodeData(octets, head);
  if (head === HELLO && octets.length === HELLO_OCTETS) {
    return { kind: 'hello', version: octets[1] as number, linkId: octets.slice(3), window: credits(octets[2]) };
  }
  if (head === CREDIT && octets.length === CREDIT_OCTETS) return { kind: 'credit', tag: octets[1] as number, grant: credits(octets[2]) };
  throw badSegment('is of no kind that we know');
}

function decodeData(octets: Uint8Array, head: number): DataSegment {
  const first = (head & SEGMENT_BIT.first) !== 0;
  const grants = (head & SEGMENT_BIT.grant) !== 0;
  const header = 2 + (grants ? 1 : 0) + (first ? 2 : 0);
  if (octets.length <= header) throw badSegment('holds nothing');
  const frameLength = first ? 256 * (octets[header - 2] as number) + (octets[header - 1] as number) : undefined;
  if (frameLength !== undefined && (frameLength === 0 || frameLength > MAX_FRAME_OCTETS)) {
    throw badSegment('begins a frame of a length that is not allowed');
  }
  return {
    kind: 'data',
    tag: octets[1] as number,
    sequence: head & SEQUENCE,
    last: (head & SEGMENT_BIT.last) !== 0,
    frameLength,
    grant: grants ? credits(octets[2]) : 0,
    content: octets.subarray(header),
  };
}

function credits(octet: number | undefined): number {
  if (octet === undefined || octet === 0 || octet > MAX_WINDOW) throw badSegment('grants a number of segments that is not allowed');
  return octet;
}

/** The peer broke a rule of this layer. Only its own link ends by that. */
export function badSegment(what: string): CpnsError {
  return new CpnsError('Codec', 'BadSegment', `A segment from the other device ${what}; the link ends and is made again.`, {
    retryable: true,
  });
}
