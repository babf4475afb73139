import { CONTENT_PART_OCTETS } from './contents.js';
import { pneOutcome } from './establishment.js';
import { entityIdField, epochField, pnIdField, sgIdField, statusField } from './fields.js';
import { defineMessage } from './message-type.js';
import { bool, bytes, field, type Infer, list, oneOf, optional, struct, text, uint } from './schema.js';

/** Action of SGActionRequest: 1 and 4 are the seed's, 2 and 3 ours. */
export const SgAction = { Expel: 1, Invite: 2, Join: 3, Leave: 4 } as const;
export type SgAction = (typeof SgAction)[keyof typeof SgAction];

const groupNameField = text(64);
/** Of the content that its holder offers: SHA-256 of its octets, 64 lower-case hex digits. */
const objectIdField = text(64);
export const sharedObject = struct({
  id: field(1, objectIdField),
  name: field(2, text(128)),
  type: field(3, text(64)),
  holder: field(4, entityIdField),
  /** Who may know of it; absent: every member. */
  members: optional(5, list(entityIdField, 256)),
  /** Milliseconds since 1970; absent: as long as the group. */
  untilMs: optional(6, uint()),
});
export type SharedObject = Infer<typeof sharedObject>;
/** Objects of one group, and of one member in it. */
export const MAX_OBJECTS = 64;
export const MAX_OBJECTS_OF_MEMBER = 16;
/** A service group as a device may see it. */
export const groupInfo = struct({
  sgId: field(1, sgIdField),
  name: field(2, groupNameField),
  /** Absent while a new owner is looked for. */
  owner: optional(3, entityIdField),
  serviceId: optional(4, text(64)),
  serviceName: optional(5, text(64)),
  /** Told to members alone, and no more than 256 of them. */
  members: optional(6, list(entityIdField, 256)),
  objects: optional(7, list(sharedObject, MAX_OBJECTS)),
  epoch: field(8, epochField),
  memberCount: optional(9, uint()),
  /** Whoever looks for groups finds it. */
  open: optional(10, bool),
});
export type GroupInfo = Infer<typeof groupInfo>;
/** Devices that one request makes a group of; its answer has a status for each and must stay within the bounds of an envelope. */
export const MAX_FOUNDERS = 500;

const toServer = { directions: ['PNE>Server', 'GW>Server'], channels: ['sk'] } as const;
const toDevice = { directions: ['Server>PNE', 'Server>GW'], channels: ['sk'] } as const;
const both = { directions: ['PNE>Server', 'GW>Server', 'Server>PNE', 'Server>GW'], channels: ['sk'] } as const;

export const sgCreateRequest = defineMessage({
  number: 128,
  name: 'SGCreateRequest',
  kind: 'request',
  ...toServer,
  source: 'seed 000 7.y.1',
  body: struct({
    name: field(1, groupNameField),
    serviceId: optional(2, text(64)),
    members: field(3, list(entityIdField, MAX_FOUNDERS)),
    /** Held by whoever makes the group. */
    objects: field(4, list(sharedObject, MAX_OBJECTS_OF_MEMBER)),
    /** Everybody may find the group and ask to join. */
    open: optional(5, bool),
  }),
});
export const sgCreateResponse = defineMessage({
  number: 129,
  name: 'SGCreateResponse',
  kind: 'answer',
  ...toDevice,
  source: 'protocol a.2b',
  body: struct({
    status: field(1, statusField),
    group: optional(2, groupInfo),
    /** What each of the members asked for said. */
    outcomes: optional(3, list(pneOutcome, MAX_FOUNDERS)),
  }),
});
/** To a device, from the server: Invite asks it to come in, Join asks the owner to let `origin` in. */
export const sgActionRequest = defineMessage({
  number: 130,
  name: 'SGActionRequest',
  kind: 'request',
  ...both,
  source: 'seed 000 7.y.2',
  body: struct({
    sgId: field(1, sgIdField),
    action: field(2, oneOf(SgAction)),
    origin: field(3, entityIdField),
    targets: field(4, list(entityIdField, 256)),
    /** What to ask the person with: name and owner of the group. */
    name: optional(5, groupNameField),
    owner: optional(6, entityIdField),
    /** Of the same user as the device that is asked, as the server knows it: who asks. */
    sameUser: optional(7, bool),
  }),
});
export const sgActionResponse = defineMessage({
  number: 131,
  name: 'SGActionResponse',
  kind: 'answer',
  ...both,
  source: 'seed 000 7.y.3',
  body: struct({
    status: field(1, statusField),
    sgId: field(2, sgIdField),
    /** Of each target. */
    outcomes: optional(3, list(pneOutcome, 256)),
  }),
});
export const sgReleaseRequest = defineMessage({
  number: 132,
  name: 'SGReleaseRequest',
  kind: 'request',
  ...toServer,
  source: 'seed 000 7.y.3',
  body: struct({ sgId: field(1, sgIdField) }),
});
export const sgReleaseResponse = defineMessage({
  number: 133,
  name: 'SGReleaseResponse',
  kind: 'answer',
  ...toDevice,
  source: 'protocol a.2b',
  body: struct({ status: field(1, statusField), sgId: field(2, sgIdField) }),
});
export const sgReleaseNotification = defineMessage({
  number: 134,
  name: 'SGReleaseNotification',
  kind: 'request',
  ...toDevice,
  source: 'seed 000 7.y.3',
  body: struct({ sgId: field(1, sgIdField) }),
});
export const sgExpelledNotice = defineMessage({
  number: 135,
  name: 'SG Expelled Notice',
  kind: 'request',
  ...toDevice,
  source: 'protocol e.2',
  body: struct({ sgId: field(1, sgIdField) }),
});
export const sgDiscoveryRequest = defineMessage({
  number: 136,
  name: 'SG Discovery Request',
  kind: 'request',
  ...toServer,
  source: 'protocol a.5',
  body: struct({
    origin: field(1, entityIdField),
    keyword: optional(2, text(64)),
    serviceId: optional(3, text(64)),
    memberReq: field(4, bool),
    /** That one group. */
    sgId: optional(5, sgIdField),
  }),
});
export const sgDiscoveryResponse = defineMessage({
  number: 137,
  name: 'SG Discovery Response',
  kind: 'answer',
  ...toDevice,
  source: 'protocol a.5',
  body: struct({ status: field(1, statusField), groups: field(2, list(groupInfo, 64)) }),
});
export const sgOwnerTransferRequest = defineMessage({
  number: 138,
  name: 'SG Owner Transfer Request',
  kind: 'request',
  ...both,
  source: 'protocol a.5',
  body: struct({
    pne: field(1, entityIdField),
    sgId: field(2, sgIdField),
    candidate: field(3, entityIdField),
    pnId: optional(4, pnIdField),
    reason: optional(5, text(128)),
    /** Of the group, for the person who is asked. */
    name: optional(6, groupNameField),
    /** As in {@link sgActionRequest}: who owned it last. */
    sameUser: optional(7, bool),
  }),
});
export const sgOwnerTransferResponse = defineMessage({
  number: 139,
  name: 'SG Owner Transfer Response',
  kind: 'answer',
  ...both,
  source: 'protocol a.5',
  body: struct({ accept: field(1, bool), pne: field(2, entityIdField), sgId: field(3, sgIdField), pnId: optional(4, pnIdField) }),
});
export const sgOwnerChangeNotification = defineMessage({
  number: 140,
  name: 'Owner Change Notification',
  kind: 'request',
  ...toDevice,
  source: 'protocol a.5',
  body: struct({ sgId: field(1, sgIdField), owner: field(2, entityIdField) }),
});
export const sgMemberChangeNotification = defineMessage({
  number: 141,
  name: 'SG Member Change Notification',
  kind: 'request',
  ...toDevice,
  source: 'protocol a.5',
  body: struct({
    sgId: field(1, sgIdField),
    owner: optional(2, entityIdField),
    add: field(3, list(entityIdField, 256)),
    remove: field(4, list(entityIdField, 256)),
    /** Whoever finds itself in `add` asks for its keys with this name and epoch. */
    name: optional(5, groupNameField),
    epoch: optional(6, epochField),
  }),
});
/** One signed part of a rekey; relayed unread. */
export const groupKeyDelivery = defineMessage({
  number: 142,
  name: 'Group Key Delivery',
  kind: 'notify',
  directions: ['Server>GW', 'GW>PNE', 'Server>PNE'],
  channels: ['sk', 'pan'],
  source: 'seed 000 7.y.5; security 1.8',
  body: struct({ part: field(1, bytes(1, 12_288)), signature: field(2, bytes(64)) }),
});
export const groupKeyAck = defineMessage({
  number: 143,
  name: 'Group Key Ack',
  kind: 'notify',
  ...toServer,
  source: 'protocol a.2b',
  body: struct({ sgId: field(1, sgIdField), epoch: field(2, epochField) }),
});
export const ResyncReason = { Gap: 1, Restored: 2, Joined: 3 } as const;
export type ResyncReason = (typeof ResyncReason)[keyof typeof ResyncReason];
export const groupKeyResyncRequest = defineMessage({
  number: 144,
  name: 'Group Key Resync Request',
  kind: 'request',
  ...toServer,
  source: 'security 1.8',
  body: struct({ sgId: field(1, sgIdField), epoch: field(2, epochField), reason: field(3, oneOf(ResyncReason)) }),
});
export const groupKeyResyncResponse = defineMessage({
  number: 145,
  name: 'Group Key Resync Response',
  kind: 'answer',
  ...toDevice,
  source: 'security 1.8',
  body: struct({
    status: field(1, statusField),
    sgId: field(2, sgIdField),
    leafKey: optional(3, bytes(32)),
    leaf: optional(4, uint(0xffffffff)),
    part: optional(5, bytes(1, 12_288)),
    signature: optional(6, bytes(64)),
  }),
});

/** Members that a page of {@link sgInventoryNotice} holds. */
export const SG_MEMBERS_PER_PAGE = 120;
export const localGroupMember = struct({
  entity: field(1, entityIdField),
  /** The PN through which it is a member; absent: it is the PN GW itself. */
  pnId: optional(2, pnIdField),
  leaf: field(3, uint(0xffffff)),
});
export type LocalGroupMember = Infer<typeof localGroupMember>;
/** A PN GW's copy of the SG Inventory: what it needs to relay rekeys and messages to the members behind it. It holds no key. */
export const sgInventoryNotice = defineMessage({
  number: 146,
  name: 'SG Inventory Notice',
  kind: 'request',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'protocol b.3',
  body: struct({
    sgId: field(1, sgIdField),
    name: field(2, groupNameField),
    owner: optional(3, entityIdField),
    epoch: field(4, epochField),
    /** Strictly rising with every change of the group; a PN GW keeps the highest. */
    version: field(5, epochField),
    /** The group is gone, or nobody behind this PN GW is in it any more. */
    released: optional(6, bool),
    members: field(7, list(localGroupMember, SG_MEMBERS_PER_PAGE)),
    /** Page i, from 0, of n. */
    i: field(8, uint(1023)),
    n: field(9, uint(1024)),
  }),
});

/** A member wants one part of a shared object: the server asks the holder in its place, and keeps nothing of it. */
export const sgObjectRequest = defineMessage({
  number: 147,
  name: 'SG Object Request',
  kind: 'request',
  ...both,
  source: 'requirement SG-4 (US9300739)',
  body: struct({
    sgId: field(1, sgIdField),
    objectId: field(2, objectIdField),
    /** Who wants it. */
    origin: field(3, entityIdField),
    /** Of the part, from 0. */
    index: field(4, uint(0xffffff)),
    /** Several members may share the same content. */
    holder: field(5, entityIdField),
  }),
});
export const sgObjectResponse = defineMessage({
  number: 148,
  name: 'SG Object Response',
  kind: 'answer',
  ...both,
  source: 'requirement SG-4 (US9300739)',
  body: struct({
    status: field(1, statusField),
    index: field(2, uint(0xffffff)),
    /** Octets of the whole object. */
    size: optional(3, uint()),
    /** Absent where the object is empty. */
    part: optional(4, bytes(1, CONTENT_PART_OCTETS)),
  }),
});

/** Messages that one {@link sgKeptMessages} brings. */
export const KEPT_AT_ONCE = 32;
/** Octets of them together, so that the envelope fits into the records of a PNE. */
export const KEPT_OCTETS_AT_ONCE = 40_000;
/** What was said in a group while a member was away, oldest first. Answered when the member has stored it; what it has already it drops. */
export const sgKeptMessages = defineMessage({
  number: 149,
  name: 'SG Kept Messages',
  kind: 'request',
  ...toDevice,
  source: 'security 1.8, offline',
  body: struct({
    sgId: field(1, sgIdField),
    /** Of all the messages here. */
    epoch: field(2, epochField),
    /** The Group Key of that epoch, where it is over; the present one comes with a resync alone. */
    groupKey: optional(3, bytes(32)),
    messages: field(4, list(struct({ receivedMs: field(1, uint()), message: field(2, bytes(1, 16_320)) }), KEPT_AT_ONCE)),
    /** So many others were given up before they could be delivered. */
    lost: field(5, uint()),
  }),
});
/** A member shares an object that it holds, shares it otherwise, or withdraws it; the owner of the group may withdraw one of another member. */
export const sgObjectChangeRequest = defineMessage({
  number: 150,
  name: 'SG Object Change Request',
  kind: 'request',
  ...toServer,
  source: 'requirement SG-4 (US9300739)',
  body: struct({
    sgId: field(1, sgIdField),
    objectId: field(2, objectIdField),
    holder: field(3, entityIdField),
    /** As in {@link sharedObject}: how it is shared from now on; absent: not any more. */
    sharing: optional(
      4,
      struct({
        name: field(2, text(128)),
        type: field(3, text(64)),
        members: optional(5, list(entityIdField, 256)),
        untilMs: optional(6, uint()),
      }),
    ),
  }),
});
export const sgObjectChangeResponse = defineMessage({
  number: 151,
  name: 'SG Object Change Response',
  kind: 'answer',
  ...toDevice,
  source: 'requirement SG-4 (US9300739)',
  body: struct({
    status: field(1, statusField),
    sgId: field(2, sgIdField),
    /** Those of `sharing.members` for whose sake nothing was done. */
    outcomes: optional(3, list(pneOutcome, 256)),
  }),
});
/** Objects are shared with this device that were not, or are not any more: it looks which (SG Discovery). */
export const sgObjectsChangeNotification = defineMessage({
  number: 152,
  name: 'SG Objects Change Notification',
  kind: 'request',
  ...toDevice,
  source: 'requirement SG-4 (US9300739)',
  body: struct({ sgId: field(1, sgIdField) }),
});
