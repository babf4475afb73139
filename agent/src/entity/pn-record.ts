import {
  bytes,
  entityIdField,
  epochField,
  field,
  fromOctets,
  type Infer,
  list,
  type Member,
  member,
  oneOf,
  optional,
  pnIdField,
  struct,
  toOctets,
} from '@cpns/shared/messages';

/** What this device is in a PN. */
export const PnRole = { Pne: 1, PnGw: 2 } as const;
/** State of a PN that is kept; anything earlier lives in the flow that makes it (protocol b.2). */
export const PnState = { Established: 1, Suspended: 2, Releasing: 3 } as const;

/** Members in one piece of CBOR, whose items are bounded (protocol 0.1), with all the contents that are kept. */
const MEMBERS_AT_ONCE = 250;
const someMembers = list(member, MEMBERS_AT_ONCE);

const stored = struct({
  pnId: field(1, pnIdField),
  role: field(2, oneOf(PnRole)),
  state: field(3, oneOf(PnState)),
  gateway: field(4, entityIdField),
  inventoryVersion: field(5, epochField),
  /** The first ones. */
  members: field(6, list(member, 1001)),
  pnKeyEpoch: field(7, epochField),
  pnKey: optional(8, bytes(32)),
  /** Those after them, as octets. */
  moreMembers: optional(9, list(bytes(1, 65_536), 4)),
  /** At the PN GW: somebody came in with that inventory version, who is not to know the PN key that is kept here. */
  keyBehind: optional(10, epochField),
});

/** The local PN Inventory of one PN. */
export type PnRecord = Omit<Infer<typeof stored>, 'moreMembers'>;

export function writePnRecord(record: PnRecord): Uint8Array {
  const pages: (readonly Member[])[] = [];
  for (let at = 0; at < record.members.length; at += MEMBERS_AT_ONCE) pages.push(record.members.slice(at, at + MEMBERS_AT_ONCE));
  const [members = [], ...more] = pages;
  return toOctets(stored, { ...record, members, ...(more.length > 0 && { moreMembers: more.map((page) => toOctets(someMembers, page)) }) });
}

/** @throws CpnsError Codec/BadMessage */
export function readPnRecord(octets: Uint8Array, what: string): PnRecord {
  const { moreMembers = [], ...record } = fromOctets(stored, octets, what);
  return { ...record, members: [...record.members, ...moreMembers.flatMap((page) => fromOctets(someMembers, page, what))] };
}
