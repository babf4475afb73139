import { macField, nonceField, pnIdField, recordField, statusField } from './fields.js';
import { hello } from './hello.js';
import { inventory } from './inventory.js';
import { defineMessage } from './message-type.js';
import { bool, field, optional, struct } from './schema.js';

const source = 'seed 001 1.4';

export const pneRegistrationRequest = defineMessage({
  number: 80,
  name: 'PNE Registration Request (PNE to PN GW)',
  kind: 'request',
  directions: ['PNE>GW'],
  channels: ['link', 'pan'],
  source,
  body: struct({ pnId: field(1, pnIdField), hello: field(2, hello) }),
});
/** Answered with Authentication Request. */
export const pneRegistrationForward = defineMessage({
  number: 81,
  name: 'PNE Registration Request (PN GW to Server)',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source,
  body: struct({
    pnId: field(1, pnIdField),
    hello: field(2, hello),
    randGw: field(3, nonceField),
    /** A newcomer: the PN GW's owner lets it in, whoever it belongs to (protocol 0.15). */
    ownerAgrees: optional(4, bool),
  }),
});
export const pneRegistrationResponse = defineMessage({
  number: 82,
  name: 'PNE Registration Response',
  kind: 'answer',
  directions: ['Server>GW', 'GW>PNE'],
  channels: ['sk', 'link', 'pan'],
  source,
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    hashServer: optional(3, macField),
    record: optional(4, recordField),
    /** After a newcomer's registration, for the PN GW, which keeps it to itself. */
    inventory: optional(5, inventory),
  }),
});
