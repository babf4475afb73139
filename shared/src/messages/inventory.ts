import { contents } from './contents.js';
import { cpnsIdField, entityIdField, epochField, pnIdField } from './fields.js';
import { bool, field, type Infer, list, optional, struct, uint } from './schema.js';

/** One member of a PN in a PN Inventory. */
export const member = struct({
  entityId: field(1, entityIdField),
  cpnsId: optional(2, cpnsIdField),
  gateway: field(3, bool),
  contents: optional(4, contents),
});
export type Member = Infer<typeof member>;

/** PN Inventory as it travels: page `i` of `n`, or what changed since `since` (protocol: inventory views). */
export const inventory = struct({
  pnId: field(1, pnIdField),
  version: field(2, epochField),
  gateway: field(3, entityIdField),
  /** Delta: changes since this version. Absent: a page of the whole. */
  since: optional(4, epochField),
  i: field(5, uint(1000)),
  n: field(6, uint(1000)),
  add: field(7, list(member, 512)),
  remove: field(8, list(entityIdField, 512)),
});
export type Inventory = Infer<typeof inventory>;

/** State of a PNE in a PN, as reconciliation reports it (protocol b.2; code points are ours). */
export const PneState = {
  Requested: 1,
  Challenged: 2,
  Authenticated: 3,
  Member: 4,
  Leaving: 5,
  Out: 6,
  Expelling: 7,
  Suspended: 8,
} as const;
export type PneState = (typeof PneState)[keyof typeof PneState];
