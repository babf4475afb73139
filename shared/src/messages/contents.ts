import { statusField } from './fields.js';
import { bool, bytes, field, type Infer, list, optional, struct, text, uint } from './schema.js';

/** One content that a device offers (seed 003, 6.6.1.1 step 1; fields are ours). */
export const content = struct({
  /** SHA-256 of its octets, 64 lower-case hex digits, where others may fetch it. */
  contentId: field(1, text(64)),
  name: field(2, text(128)),
  /** Media type. */
  type: field(3, text(64)),
  /** Octets. */
  size: optional(4, uint()),
  chargeable: field(5, bool),
  conditions: optional(6, text(256)),
});
export type Content = Infer<typeof content>;

export const contents = list(content, 16);

/** Contents of one device are at most so many octets together: a Device Capabilities Update and a page of the PN Inventory hold them. */
export const MAX_CONTENTS_OCTETS = 3_000;
/** Octets of a content in one message; the last part holds what is left. */
export const CONTENT_PART_OCTETS = 15_000;

/** A member asks the one that offers a content for one part of it (protocol 0.19). */
export const contentRequest = struct({
  /** Chosen anew for each part. */
  id: field(1, bytes(16)),
  contentId: field(2, text(64)),
  /** From 0. */
  part: field(3, uint()),
});
export type ContentRequest = Infer<typeof contentRequest>;

/** The part, or why there is none. */
export const contentPart = struct({
  /** Of the request. */
  id: field(1, bytes(16)),
  status: field(2, statusField),
  payload: optional(3, bytes(1, CONTENT_PART_OCTETS)),
});
export type ContentPart = Infer<typeof contentPart>;

/** How many parts a content of that size travels in. */
export function partCount(octets: number): number {
  return Math.ceil(octets / CONTENT_PART_OCTETS);
}

/** Octets of one part of a content of that size; 0 beyond its end. */
export function partOctets(octets: number, part: number): number {
  return Math.max(0, Math.min(CONTENT_PART_OCTETS, octets - part * CONTENT_PART_OCTETS));
}
