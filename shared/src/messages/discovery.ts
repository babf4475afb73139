import { capabilitiesField, entityIdField, pnIdField, statusField } from './fields.js';
import { defineMessage } from './message-type.js';
import { Mode } from './mode.js';
import { bool, bytes, field, list, oneOf, optional, struct, text } from './schema.js';

/** A PN that a gateway offers for joining. */
const offeredPn = struct({ pnId: field(1, pnIdField), name: optional(2, text(64)) });

export const entityDiscoveryRequest = defineMessage({
  number: 32,
  name: 'Entity Discovery Request',
  kind: 'request',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'seed 003 6.4 step 1',
  body: struct({ mode: field(1, oneOf(Mode)), pns: field(2, list(offeredPn, 16)) }),
});
export const entityDiscoveryResponse = defineMessage({
  number: 33,
  name: 'Entity Discovery Response',
  kind: 'answer',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'seed 003 6.4 step 2',
  body: struct({
    mode: field(1, oneOf(Mode)),
    pneId: optional(2, entityIdField),
    pnGwId: optional(3, entityIdField),
    /** Only a zone based PN GW sends it (seed 003 6.4, note 2). */
    zone: optional(4, bool),
    pns: field(5, list(offeredPn, 16)),
  }),
});
export const capabilitiesExchange = defineMessage({
  number: 34,
  name: 'Device Capabilities Exchange',
  kind: 'request',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'seed 002 steps 3, 4, 7',
  body: struct({ capabilities: field(1, capabilitiesField) }),
});
export const zoneAnnouncement = defineMessage({
  number: 35,
  name: 'Zone Announcement',
  kind: 'notify',
  directions: ['GW>PNE'],
  channels: ['clear', 'link'],
  source: 'protocol a.1',
  body: struct({ zone: field(1, bool), gateway: field(2, entityIdField) }),
});
export const zonePneInformation = defineMessage({
  number: 36,
  name: 'Zone PNE Information',
  kind: 'notify',
  directions: ['PNE>GW'],
  channels: ['link'],
  source: 'protocol a.1',
  body: struct({ location: optional(1, text(128)), capabilities: optional(2, capabilitiesField) }),
});
export const capabilitiesUpdate = defineMessage({
  number: 37,
  name: 'Device Capabilities Update',
  kind: 'request',
  directions: ['GW>Server', 'PNE>Server'],
  channels: ['sk'],
  source: 'seed 002 step 12',
  body: struct({ capabilities: field(1, capabilitiesField), contents: optional(2, bytes(1, 4096)) }),
});
export const capabilitiesConfirmation = defineMessage({
  number: 38,
  name: 'Device Capabilities Confirmation',
  kind: 'answer',
  directions: ['Server>GW', 'Server>PNE'],
  channels: ['sk'],
  source: 'seed 002 step 13',
  body: struct({ status: field(1, statusField) }),
});
export const capabilitiesQueryRequest = defineMessage({
  number: 39,
  name: 'Device Capabilities Query Request',
  kind: 'request',
  directions: ['Server>GW', 'GW>PNE'],
  channels: ['sk', 'link', 'pan'],
  source: 'protocol a.1',
  body: struct({ target: field(1, entityIdField), pnId: optional(2, pnIdField) }),
});
export const capabilitiesQueryResponse = defineMessage({
  number: 40,
  name: 'Device Capabilities Query Response',
  kind: 'answer',
  directions: ['GW>Server', 'PNE>GW'],
  channels: ['sk', 'link', 'pan'],
  source: 'protocol a.1',
  body: struct({ status: field(1, statusField), capabilities: optional(2, capabilitiesField) }),
});
export const statusManagementRequest = defineMessage({
  number: 41,
  name: 'Status Management Update Request',
  kind: 'request',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'seed 002 step 14',
  body: struct({}),
});
/** What a PN GW finds when it looks its status up: unchanged, or changed capabilities that it sends along. */
export const statusManagementResponse = defineMessage({
  number: 42,
  name: 'Status Management Response',
  kind: 'answer',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'seed 002 steps 15, 16',
  body: struct({ changed: field(1, bool), capabilities: optional(2, capabilitiesField) }),
});
