import { contentPart, contentRequest } from './contents.js';
import { entityIdField, pnIdField, sgIdField, statusField } from './fields.js';
import { defineMessage } from './message-type.js';
import { bytes, field, type Infer, list, oneOf, optional, struct, text } from './schema.js';

/** Octets of application payload in one message; larger content goes in parts. */
export const MAX_PAYLOAD = 16_000;

/** To whom application data goes. */
export const Addressee = { Server: 0, Entity: 1, Group: 2 } as const;
export type Addressee = (typeof Addressee)[keyof typeof Addressee];

const isChannelName = (value: string): value is string => /^[A-Za-z0-9._-]{1,32}$/.test(value);
/** Name of an application channel. */
export const channelField = text(32, isChannelName, 'channel name');

/** Application data, end to end (protocol 0.23). */
export const applicationData = struct({
  /** Chosen by the sender; a duplicate is answered again and shown once. */
  id: field(1, bytes(16)),
  from: field(2, entityIdField),
  to: field(3, oneOf(Addressee)),
  entity: optional(4, entityIdField),
  group: optional(5, sgIdField),
  channel: field(6, channelField),
  contentType: field(7, text(64)),
  payload: field(8, bytes(0, MAX_PAYLOAD)),
});
export type ApplicationData = Infer<typeof applicationData>;

/** The addressee's answer after it stored the message. */
export const dataReceipt = struct({ id: field(1, bytes(16)), status: field(2, statusField) });
export type DataReceipt = Infer<typeof dataReceipt>;

/** Data between a device and the server's services. */
export const data = defineMessage({
  number: 160,
  name: 'Data',
  kind: 'request',
  directions: ['PNE>Server', 'GW>Server', 'Server>PNE', 'Server>GW'],
  channels: ['sk'],
  source: 'protocol 0.23',
  body: struct({ data: field(1, applicationData) }),
});
export const dataAnswer = defineMessage({
  number: 161,
  name: 'Data Answer',
  kind: 'answer',
  directions: ['PNE>Server', 'GW>Server', 'Server>PNE', 'Server>GW'],
  channels: ['sk'],
  source: 'protocol 0.23',
  body: struct({ receipt: field(1, dataReceipt) }),
});
/** Data between two entities of a PN: `message` is sealed under the PN key and the gateway routes it by `to`. */
export const pnData = defineMessage({
  number: 162,
  name: 'PN Data',
  kind: 'notify',
  directions: ['PNE>GW', 'GW>PNE'],
  channels: ['pan'],
  source: 'protocol 0.23; security 6.5',
  body: struct({
    pnId: field(1, pnIdField),
    from: field(2, entityIdField),
    to: field(3, entityIdField),
    message: field(4, bytes(1, 16_320)),
  }),
});
/** What a PN Data message holds once opened: data, or the receipt for one; the wish for a part of a content, or that part. */
export const pnDataContent = struct({
  data: optional(1, applicationData),
  receipt: optional(2, dataReceipt),
  contentRequest: optional(3, contentRequest),
  contentPart: optional(4, contentPart),
});
export type PnDataContent = Infer<typeof pnDataContent>;
/** Members that a PN GW names as those who could not be given a message of their group; a full list stands for everybody behind it. */
export const MISSING_MAX = 256;
const missingField = list(entityIdField, MISSING_MAX);
/** Data to a service group, sealed under its Group Key. */
export const sgData = defineMessage({
  number: 163,
  name: 'SG Data',
  kind: 'notify',
  directions: ['PNE>GW', 'GW>Server', 'Server>GW', 'GW>PNE'],
  channels: ['pan', 'sk'],
  source: 'security 1.8',
  body: struct({
    sgId: field(1, sgIdField),
    from: field(2, entityIdField),
    message: field(3, bytes(1, 16_320)),
    /** From PN GW to server: members behind it who could not be given the message. Absent: all have it. */
    missing: optional(4, missingField),
  }),
});
/** What a PN GW did with the SG Data of that transaction. Where it says nothing, nobody behind it counts as having the message. */
export const sgDataAnswer = defineMessage({
  number: 164,
  name: 'SG Data Answer',
  kind: 'answer',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'security 1.8',
  body: struct({ missing: field(1, missingField) }),
});
