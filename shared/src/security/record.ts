/** First octet of a record; 0x00 marks a frame in clear and is never a record (security: records). */
export const RECORD_TYPE = { pan: 0x01, link: 0x02, sk: 0x03 } as const;
/** Type of a record on an ordered hop: under SK_L or under SK_K. */
export type OrderedRecordType = typeof RECORD_TYPE.pan | typeof RECORD_TYPE.link;

/** What a record carries: one CBOR envelope, a part of one, or a sign of life. */
export const INNER_TYPE = { envelope: 1, part: 2, ping: 3, pong: 4 } as const;
export type InnerType = (typeof INNER_TYPE)[keyof typeof INNER_TYPE];

/** Octets of content in one record, at most. */
export const MAX_CONTENT = 16_384;
/** Octets of a record of a PAN or link session, at most. */
export const MAX_PAN_RECORD = 16_409;
/** Octets of a record of the SK channel, at most. */
export const MAX_SK_RECORD = 16_428;

/** The content of a record whose tag verified. */
export interface OpenedRecord {
  readonly innerType: InnerType;
  readonly content: Uint8Array;
}

export interface SealOptions {
  /** Default true: the plain octets are padded to a bucket, so that control messages do not tell their length. */
  readonly pad?: boolean;
}
