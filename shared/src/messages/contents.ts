import { bool, field, type Infer, list, optional, struct, text, uint } from './schema.js';

/** One content that a device offers (seed 003, 6.6.1.1 step 1; fields are ours). */
export const content = struct({
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
