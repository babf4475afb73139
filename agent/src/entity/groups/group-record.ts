import {
  bool,
  entityIdField,
  epochField,
  field,
  type Infer,
  list,
  localGroupMember,
  MAX_OBJECTS,
  MAX_OBJECTS_OF_MEMBER,
  optional,
  pnIdField,
  SG_MEMBERS_PER_PAGE,
  sgIdField,
  sharedObject,
  struct,
  text,
  uint,
} from '@cpns/shared/messages';

/** Most members of a group that a device is told of by name. */
export const NAMED_MEMBERS_MAX = 256;

/** The local SG Inventory of a member: what it knows of a group that it is in. No key is in it. */
export const groupRecord = struct({
  sgId: field(1, sgIdField),
  /** Empty until the server has said it. */
  name: field(2, text(64)),
  /** Absent while nobody is. */
  owner: optional(3, entityIdField),
  /** The PN through which this device is a member; absent: the PN GW's own session. */
  pnId: optional(4, pnIdField),
  open: field(5, bool),
  members: field(6, list(entityIdField, NAMED_MEMBERS_MAX)),
  serviceId: optional(7, text(64)),
  serviceName: optional(8, text(64)),
  /** With those that are not named. */
  memberCount: optional(9, uint()),
  /** That members share with this device, or it with them. */
  objects: optional(10, list(sharedObject, MAX_OBJECTS)),
  /** Contents that this device shares itself: it hands out no others, whatever the server lists. */
  shared: optional(11, list(text(64), MAX_OBJECTS_OF_MEMBER)),
});
export type GroupRecord = Infer<typeof groupRecord>;

/** A group that the server was asked to make, kept until it says what became of it: what this device shares in it. */
export const groupWish = struct({
  name: field(1, text(64)),
  pnId: optional(2, pnIdField),
  shared: field(3, list(text(64), MAX_OBJECTS_OF_MEMBER)),
  askedWallMs: field(4, uint()),
});
export type GroupWish = Infer<typeof groupWish>;

/** Pages of a PN GW's copy of the SG Inventory, as they came. No key is in them. */
export const groupRoutePage = struct({
  version: field(1, epochField),
  pages: field(2, uint(1024)),
  members: field(3, list(localGroupMember, SG_MEMBERS_PER_PAGE)),
});
export type GroupRoutePage = Infer<typeof groupRoutePage>;
