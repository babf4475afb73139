import { entityIdField, epochField, macField, nonceField, pnIdField, recordField, statusField } from './fields.js';
import { hello } from './hello.js';
import { inventory } from './inventory.js';
import { defineMessage } from './message-type.js';
import { bool, field, list, oneOf, optional, struct } from './schema.js';

/** Action of a PNE Request. */
export const PneAction = { Invite: 2, Join: 3, Leave: 4 } as const;
export type PneAction = (typeof PneAction)[keyof typeof PneAction];
/** What a PN Update does. */
export const PnOperation = { Add: 1, Remove: 2 } as const;
export type PnOperation = (typeof PnOperation)[keyof typeof PnOperation];
/** Why a PNE is removed. */
export const RemoveReason = { Unconfirmed: 1, Expelled: 2, Left: 3, Unreachable: 4, Revoked: 5 } as const;
export type RemoveReason = (typeof RemoveReason)[keyof typeof RemoveReason];

export const pneInviteRequest = defineMessage({
  number: 96,
  name: 'PNE Invite Request',
  kind: 'request',
  directions: ['GW>PNE', 'PNE>GW'],
  channels: ['link', 'pan'],
  source: 'seed 003 6.6.2.1 steps 1, 2',
  body: struct({ pnId: field(1, pnIdField), inviter: field(2, entityIdField), invited: field(3, entityIdField) }),
});
export const pneInviteResponse = defineMessage({
  number: 97,
  name: 'PNE Invite Response',
  kind: 'answer',
  directions: ['PNE>GW', 'GW>PNE'],
  channels: ['link', 'pan'],
  source: 'seed 003 6.6.2.1',
  body: struct({ status: field(1, statusField), pnId: field(2, pnIdField), hello: optional(3, hello) }),
});
/** Join (with hello) or leave, PNE to PN GW and, forwarded with randGw, to the server. */
export const pneRequest = defineMessage({
  number: 98,
  name: 'PNE Request',
  kind: 'request',
  directions: ['PNE>GW', 'GW>Server', 'PNE>Server'],
  channels: ['link', 'pan', 'sk'],
  source: 'seed 003 6.6.2.2, 6.6.3.1',
  body: struct({
    action: field(1, oneOf(PneAction)),
    pnId: field(2, pnIdField),
    pne: field(3, entityIdField),
    hello: optional(4, hello),
    randGw: optional(5, nonceField),
    /** Join: the PN GW's owner lets this PNE in, whoever it belongs to (protocol 0.15). */
    ownerAgrees: optional(6, bool),
  }),
});
export const pneResponse = defineMessage({
  number: 99,
  name: 'PNE Response',
  kind: 'answer',
  directions: ['GW>PNE', 'Server>GW', 'Server>PNE'],
  channels: ['link', 'pan', 'sk'],
  source: 'seed 003 6.6.2.2, 6.6.3.1',
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    hashServer: optional(3, macField),
    record: optional(4, recordField),
    /** For the PN GW, which keeps it to itself. */
    inventory: optional(5, inventory),
  }),
});
/** Add (with hellos, answered by Authentication Request; without, as Pending until they register) or remove. */
export const pnUpdateRequest = defineMessage({
  number: 100,
  name: 'PN Update Request',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'seed 001 1.4.2; seed 003 6.6.2.1 step 3, 6.6.3.2 step 2',
  body: struct({
    pnId: field(1, pnIdField),
    operation: field(2, oneOf(PnOperation)),
    pnes: field(3, list(entityIdField, 32, 1)),
    reason: optional(4, oneOf(RemoveReason)),
    hellos: optional(5, list(hello, 32)),
    randGw: optional(6, nonceField),
    /** Add: the PN GW's owner lets them in, whoever they belong to (protocol 0.15). */
    ownerAgrees: optional(7, bool),
  }),
});
export const pnUpdateResponse = defineMessage({
  number: 101,
  name: 'PN Update Response',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'seed 003 6.6.2.1 step 4',
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    pnes: field(
      3,
      list(
        struct({
          pne: field(1, entityIdField),
          status: field(2, statusField),
          hashServer: optional(3, macField),
          record: optional(4, recordField),
        }),
        32,
      ),
    ),
    inventory: optional(4, inventory),
  }),
});
/** The server's sealed inventory for one member; the gateway only relays the record. Its content is {@link inventoryNotice}. */
export const pnUpdateNotification = defineMessage({
  number: 102,
  name: 'PN Update Notification',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['pan', 'link'],
  source: 'seed 003 6.6.2.1 step 5',
  body: struct({ pnId: field(1, pnIdField), record: field(2, recordField) }),
});
export const inventoryNotice = defineMessage({
  number: 103,
  name: 'Inventory Notice',
  kind: 'request',
  directions: ['Server>GW', 'Server>PNE'],
  channels: ['sk'],
  source: 'protocol 0.13, 0.16',
  body: struct({ inventory: field(1, inventory), pnKeyEpoch: field(2, epochField) }),
});
export const pneNotificationExpel = defineMessage({
  number: 104,
  name: 'PNE Notification (Expel)',
  kind: 'request',
  directions: ['GW>PNE', 'Server>PNE'],
  channels: ['pan', 'sk'],
  source: 'seed 003 6.6.3.2 step 1',
  body: struct({ pnId: field(1, pnIdField), reason: field(2, oneOf(RemoveReason)) }),
});
export const pnReleaseRequest = defineMessage({
  number: 105,
  name: 'PN Release Request',
  kind: 'request',
  directions: ['PNE>GW', 'GW>Server'],
  channels: ['pan', 'sk'],
  source: 'seed 003 6.6.5',
  body: struct({ pnId: field(1, pnIdField), initiator: field(2, entityIdField) }),
});
export const pnReleaseResponse = defineMessage({
  number: 106,
  name: 'PN Release Response',
  kind: 'answer',
  directions: ['GW>PNE', 'Server>GW'],
  channels: ['pan', 'sk'],
  source: 'seed 003 6.6.5',
  body: struct({ status: field(1, statusField), pnId: field(2, pnIdField) }),
});
export const pnReleaseNotification = defineMessage({
  number: 107,
  name: 'PN Release Notification',
  kind: 'request',
  directions: ['GW>PNE', 'Server>PNE'],
  channels: ['pan', 'sk'],
  source: 'seed 003 6.6.5 steps 3, 4',
  body: struct({ pnId: field(1, pnIdField) }),
});
/** The PN is gone, or this device is no longer in it. Counts only sealed. */
export const unknownPn = defineMessage({
  number: 108,
  name: 'UnknownPN',
  kind: 'request',
  directions: ['Server>GW', 'Server>PNE', 'GW>PNE'],
  channels: ['sk', 'pan', 'link'],
  source: 'protocol 0.13, 0.14',
  body: struct({ pnId: field(1, pnIdField) }),
});
