import { entityIdField, epochField, pnIdField, recordField, statusField } from './fields.js';
import { challenge, gatewayHello, SetupType } from './hello.js';
import { defineMessage } from './message-type.js';
import { bool, bytes, field, list, oneOf, optional, struct, text } from './schema.js';

export const connectionSetupRequest = defineMessage({
  number: 48,
  name: 'Connection Setup Request (PN GW)',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['clear'],
  source: 'seed 002 step 8',
  body: struct({ hello: field(1, gatewayHello) }),
});
export const authorizationRequest = defineMessage({
  number: 49,
  name: 'Authentication and Authorization Request',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['clear'],
  source: 'seed 002 step 9',
  body: struct({ challenge: field(1, challenge) }),
});
export const authorizationResponse = defineMessage({
  number: 50,
  name: 'Authentication and Authorization Response',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['clear'],
  source: 'seed 002 step 10',
  body: struct({ hashPne: field(1, bytes(32)) }),
});
/** `record` is the first s2p record: {@link sessionConfirm}. */
export const connectionSetupConfirmation = defineMessage({
  number: 51,
  name: 'Connection Setup Confirmation (PN GW)',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['clear'],
  source: 'seed 002 step 11',
  body: struct({ hashServer: field(1, bytes(32)), record: field(2, recordField) }),
});
export const pneConnectionSetupRequest = defineMessage({
  number: 52,
  name: 'Connection Setup Request (PNE)',
  kind: 'request',
  directions: ['PNE>GW'],
  channels: ['link'],
  source: 'seed 002 step 18',
  body: struct({}),
});
export const pneConnectionSetupConfirmation = defineMessage({
  number: 53,
  name: 'Connection Setup Confirmation (PNE)',
  kind: 'answer',
  directions: ['GW>PNE'],
  channels: ['link', 'pan'],
  source: 'seed 002 step 26',
  body: struct({ status: field(1, statusField), pnId: field(2, pnIdField) }),
});
export const pnMembershipRequest = defineMessage({
  number: 54,
  name: 'PN Membership Request',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'seed 002 step 19',
  body: struct({
    pnId: field(1, pnIdField),
    initiator: field(2, entityIdField),
    setupType: field(3, oneOf(SetupType)),
    candidates: field(4, list(entityIdField, 1000)),
  }),
});
/** Whom the gateway may ask; candidates of other users are decided by their owners later. */
export const pnMembershipResponse = defineMessage({
  number: 55,
  name: 'PN Membership Response',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'seed 002 steps 20, 21',
  body: struct({
    status: field(1, statusField),
    allowed: field(2, list(entityIdField, 1000)),
    /** Those of `allowed` that belong to other users than the PN GW does. */
    guests: optional(3, list(entityIdField, 1000)),
  }),
});
export const pnKeyRequest = defineMessage({
  number: 56,
  name: 'PN Key Request',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'seed 002 step 22',
  body: struct({ pnId: field(1, pnIdField) }),
});
export const pnKeyResponse = defineMessage({
  number: 57,
  name: 'PN Key Response',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'seed 002 step 23',
  body: struct({
    status: field(1, statusField),
    epoch: field(2, epochField),
    key: field(3, bytes(0, 32)),
    graceMs: field(4, epochField),
    /** Of the moment that the key was read: whoever that inventory does not list must not be given the key. */
    inventoryVersion: field(5, epochField),
  }),
});
export const pnMembershipWithKey = defineMessage({
  number: 58,
  name: 'PN Membership with Group Key',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['pan'],
  source: 'seed 002 step 24; security 6.5',
  body: struct({ pnId: field(1, pnIdField), epoch: field(2, epochField), key: field(3, bytes(32)), graceMs: field(4, epochField) }),
});
export const pnMembershipWithKeyConfirmation = defineMessage({
  number: 59,
  name: 'PN Membership with Group Key Confirmation',
  kind: 'answer',
  directions: ['PNE>GW'],
  channels: ['pan'],
  source: 'seed 002 step 25',
  body: struct({ status: field(1, statusField), epoch: field(2, epochField) }),
});

const later = { channels: ['sk'], source: 'protocol a.6' } as const;
export const pnGwSwitchRequest = defineMessage({
  number: 192,
  name: 'PN GW Switch Request',
  kind: 'request',
  directions: ['Peer>Peer', 'GW>Server'],
  channels: ['link', 'sk'],
  source: 'protocol a.6',
  body: struct({ pnId: field(1, pnIdField), from: field(2, entityIdField), to: field(3, entityIdField) }),
});
export const pnGwSwitchResponse = defineMessage({
  number: 193,
  name: 'PN GW Switch Response',
  kind: 'answer',
  directions: ['Peer>Peer', 'Server>GW'],
  channels: ['link', 'sk'],
  source: 'protocol a.6',
  body: struct({ status: field(1, statusField) }),
});
export const pnGwChangeNotification = defineMessage({
  number: 194,
  name: 'PN GW Change Notification',
  kind: 'notify',
  directions: ['GW>PNE', 'Server>PNE'],
  channels: ['pan', 'sk'],
  source: 'protocol a.6',
  body: struct({ pnId: field(1, pnIdField), gateway: field(2, entityIdField) }),
});
export const gatewayChangeRequest = defineMessage({
  number: 195,
  name: 'Gateway Change Request',
  kind: 'request',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'protocol a.6',
  body: struct({ sharedPnes: field(1, list(entityIdField, 1000)) }),
});
export const gatewayChangeResponse = defineMessage({
  number: 196,
  name: 'Gateway Change Response',
  kind: 'answer',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'protocol a.6',
  body: struct({ accept: field(1, bool) }),
});
export const bridgeRequest = defineMessage({
  number: 197,
  name: 'Bridge Request',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['pan'],
  source: 'protocol a.6',
  body: struct({ fromPn: field(1, pnIdField), toPn: field(2, pnIdField) }),
});
export const bridgeResponse = defineMessage({
  number: 198,
  name: 'Bridge Response',
  kind: 'answer',
  directions: ['PNE>GW'],
  channels: ['pan'],
  source: 'protocol a.6',
  body: struct({ allow: field(1, bool) }),
});
export const pnUsageInformation = defineMessage({
  number: 199,
  name: 'PN Usage Information',
  kind: 'request',
  directions: ['GW>Server', 'PNE>Server'],
  ...later,
  body: struct({ pnId: field(1, pnIdField), alias: field(2, text(64)), expiresInS: field(3, epochField) }),
});
export const pnAdminRequest = defineMessage({
  number: 200,
  name: 'PN Admin Request',
  kind: 'request',
  directions: ['GW>Server', 'PNE>Server'],
  ...later,
  body: struct({
    pnId: field(1, pnIdField),
    admin: field(2, entityIdField),
    adminees: field(3, list(entityIdField, 64)),
    remove: optional(4, bool),
  }),
});
