import { entityIdField, epochField, pnIdField, sgIdField, statusField } from './fields.js';
import { defineMessage } from './message-type.js';
import { bool, bytes, field, list, oneOf, optional, struct, text, uint } from './schema.js';

/** Action of SGActionRequest: 1 and 4 are the seed's, 2 and 3 ours. */
export const SgAction = { Expel: 1, Invite: 2, Join: 3, Leave: 4 } as const;
export type SgAction = (typeof SgAction)[keyof typeof SgAction];

const sharedObject = struct({
  id: field(1, text(64)),
  name: field(2, text(128)),
  type: field(3, text(64)),
  holder: field(4, entityIdField),
  members: optional(5, list(entityIdField, 256)),
  untilMs: optional(6, uint()),
});
const groupInfo = struct({
  sgId: field(1, sgIdField),
  name: field(2, text(64)),
  owner: field(3, entityIdField),
  serviceId: optional(4, text(64)),
  serviceName: optional(5, text(64)),
  members: optional(6, list(entityIdField, 256)),
  objects: optional(7, list(sharedObject, 64)),
  epoch: field(8, epochField),
});
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
    name: field(1, text(64)),
    serviceId: optional(2, text(64)),
    members: field(3, list(entityIdField, 1000)),
    objects: field(4, list(sharedObject, 64)),
  }),
});
export const sgCreateResponse = defineMessage({
  number: 129,
  name: 'SGCreateResponse',
  kind: 'answer',
  ...toDevice,
  source: 'protocol a.2b',
  body: struct({ status: field(1, statusField), group: optional(2, groupInfo) }),
});
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
  }),
});
export const sgActionResponse = defineMessage({
  number: 131,
  name: 'SGActionResponse',
  kind: 'answer',
  ...both,
  source: 'seed 000 7.y.3',
  body: struct({ status: field(1, statusField), sgId: field(2, sgIdField) }),
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
    owner: field(2, entityIdField),
    add: field(3, list(entityIdField, 256)),
    remove: field(4, list(entityIdField, 256)),
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
