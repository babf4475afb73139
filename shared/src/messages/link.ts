import {
  entityIdField,
  epochField,
  macField,
  nonceField,
  pnIdField,
  publicKeyField,
  recordField,
  retryAfterField,
  sgIdField,
  statusField,
  versionField,
} from './fields.js';
import { PneState } from './inventory.js';
import { defineMessage } from './message-type.js';
import { bytes, field, list, oneOf, optional, struct, text, uint } from './schema.js';

const pairing = { directions: ['Peer>Peer'], channels: ['clear'], source: 'security 1.9' } as const;

export const link1 = defineMessage({
  number: 1,
  name: 'Link 1',
  anonymous: true,
  kind: 'request',
  ...pairing,
  body: struct({
    version: field(1, versionField),
    suite: field(2, versionField),
    nI: field(3, nonceField),
    eI: field(4, publicKeyField),
    find: field(5, bytes(8)),
  }),
});
export const link2 = defineMessage({
  number: 2,
  name: 'Link 2',
  anonymous: true,
  kind: 'answer',
  ...pairing,
  body: struct({ nR: field(1, nonceField), eR: field(2, publicKeyField), macR: field(3, macField) }),
});
export const link3 = defineMessage({
  number: 3,
  name: 'Link 3',
  anonymous: true,
  kind: 'notify',
  ...pairing,
  body: struct({ macI: field(1, macField) }),
});

export const pairing1 = defineMessage({
  number: 4,
  name: 'Pairing 1',
  kind: 'request',
  ...pairing,
  body: struct({
    version: field(1, versionField),
    suite: field(2, versionField),
    commit: field(3, bytes(32)),
    name: optional(4, text(64)),
  }),
});
export const pairing2 = defineMessage({
  number: 5,
  name: 'Pairing 2',
  kind: 'answer',
  ...pairing,
  body: struct({ pkB: field(1, publicKeyField), rB: field(2, nonceField), name: optional(3, text(64)) }),
});
export const pairing3 = defineMessage({
  number: 6,
  name: 'Pairing 3',
  kind: 'notify',
  ...pairing,
  body: struct({ pkA: field(1, publicKeyField), rA: field(2, nonceField) }),
});
export const pairing4 = defineMessage({
  number: 7,
  name: 'Pairing 4',
  kind: 'request',
  ...pairing,
  body: struct({ confirm: field(1, macField) }),
});
export const pairing5 = defineMessage({
  number: 8,
  name: 'Pairing 5',
  kind: 'answer',
  ...pairing,
  body: struct({ confirm: field(1, macField) }),
});
export const unpair = defineMessage({
  number: 9,
  name: 'Unpair',
  kind: 'request',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'protocol a.2b',
  body: struct({}),
});

const pan = { channels: ['link'], source: 'seed 003 6.6.1.1 step 6; security 1.5' } as const;
export const panHandshake1 = defineMessage({
  number: 10,
  name: 'PAN Handshake 1',
  kind: 'request',
  directions: ['PNE>GW'],
  ...pan,
  body: struct({
    pnId: field(1, pnIdField),
    a: field(2, nonceField),
    ePneLocal: field(3, publicKeyField),
    headerHash: field(4, bytes(32)),
  }),
});
export const panHandshake2 = defineMessage({
  number: 11,
  name: 'PAN Handshake 2',
  kind: 'answer',
  directions: ['GW>PNE'],
  ...pan,
  body: struct({ b: field(1, nonceField), eGwLocal: field(2, publicKeyField) }),
});
export const panHandshake3 = defineMessage({
  number: 12,
  name: 'PAN Handshake 3',
  kind: 'request',
  directions: ['PNE>GW'],
  ...pan,
  body: struct({ pnId: field(1, pnIdField), hashPneL: field(2, macField) }),
});
export const panHandshake4 = defineMessage({
  number: 13,
  name: 'PAN Handshake 4',
  kind: 'answer',
  directions: ['GW>PNE'],
  ...pan,
  body: struct({ hashPnGw: field(1, macField) }),
});

const everywhere = {
  directions: ['Peer>Peer', 'PNE>GW', 'GW>PNE', 'GW>Server', 'Server>GW', 'PNE>Server', 'Server>PNE'],
  channels: ['clear', 'link', 'pan', 'sk'],
} as const;
export const ack = defineMessage({
  number: 16,
  name: 'Ack',
  kind: 'answer',
  ...everywhere,
  source: 'protocol 0.25',
  body: struct({ status: field(1, statusField) }),
});
export const pending = defineMessage({
  number: 17,
  name: 'Pending',
  kind: 'answer',
  ...everywhere,
  source: 'protocol 0.3',
  body: struct({ retryAfterMs: field(1, retryAfterField) }),
});
export const refusal = defineMessage({
  number: 18,
  name: 'Refusal',
  kind: 'answer',
  ...everywhere,
  source: 'protocol a.7',
  body: struct({ status: field(1, statusField), retryAfterMs: optional(2, retryAfterField) }),
});

const knownPn = struct({ pnId: field(1, pnIdField), inventoryVersion: field(2, epochField), pnKeyEpoch: field(3, epochField) });
const knownSg = struct({ sgId: field(1, sgIdField), epoch: field(2, epochField) });
export const heartbeat = defineMessage({
  number: 19,
  name: 'Heartbeat',
  kind: 'request',
  directions: ['Server>GW', 'Server>PNE'],
  channels: ['sk'],
  source: 'security 1.8',
  body: struct({
    /** Milliseconds since 1970; for display and logs only. */
    serverTimeMs: field(1, uint()),
    pns: field(2, list(knownPn, 64)),
    sgs: field(3, list(knownSg, 64)),
    serverKeysHash: field(4, bytes(32)),
  }),
});
export const heartbeatAnswer = defineMessage({
  number: 20,
  name: 'Heartbeat Answer',
  kind: 'answer',
  directions: ['GW>Server', 'PNE>Server'],
  channels: ['sk'],
  source: 'security 1.8',
  body: struct({
    /** Messages sent in each group's current epoch. */
    counts: field(1, list(struct({ sgId: field(1, sgIdField), epoch: field(2, epochField), sent: field(3, uint()) }), 64)),
  }),
});
export const sessionUnknown = defineMessage({
  number: 21,
  name: 'SessionUnknown',
  kind: 'notify',
  directions: ['Server>GW', 'GW>PNE'],
  channels: ['clear', 'sk', 'link', 'pan'],
  source: 'security 1.5',
  body: struct({ sid: field(1, bytes(8)), pne: optional(2, entityIdField) }),
});

const reconcileEntry = struct({
  pnId: field(1, pnIdField),
  inventoryVersion: field(2, epochField),
  state: field(3, oneOf(PneState)),
  pnKeyEpoch: field(4, epochField),
});
export const reconcile = defineMessage({
  number: 22,
  name: 'Reconcile',
  kind: 'request',
  directions: ['PNE>GW', 'GW>Server', 'PNE>Server'],
  channels: ['link', 'sk'],
  source: 'protocol 0.13',
  body: struct({ pns: field(1, list(reconcileEntry, 64)) }),
});
export const reconcileResponse = defineMessage({
  number: 23,
  name: 'Reconcile Response',
  kind: 'answer',
  directions: ['GW>PNE', 'Server>GW', 'Server>PNE'],
  channels: ['link', 'sk'],
  source: 'protocol 0.13',
  body: struct({
    pns: field(
      1,
      list(
        struct({
          pnId: field(1, pnIdField),
          status: field(2, statusField),
          inventoryVersion: field(3, epochField),
          pnKeyEpoch: field(4, epochField),
        }),
        64,
      ),
    ),
  }),
});
export const relay = defineMessage({
  number: 24,
  name: 'Relay',
  kind: 'notify',
  directions: ['PNE>GW', 'GW>Server', 'Server>GW', 'GW>PNE'],
  channels: ['link', 'pan', 'sk'],
  source: 'security 1.6b',
  body: struct({ pnId: field(1, pnIdField), pne: field(2, entityIdField), record: field(3, recordField) }),
});
export const advertisingKey = defineMessage({
  number: 25,
  name: 'Advertising Key',
  kind: 'request',
  directions: ['Peer>Peer'],
  channels: ['link'],
  source: 'security 1.9, BLE hint',
  body: struct({ kAdv: field(1, bytes(16)) }),
});
/** Nobody waits any more for the answer to the request of this transaction: a person need not be asked. */
export const requestWithdrawn = defineMessage({
  number: 26,
  name: 'Request Withdrawn',
  kind: 'notify',
  directions: ['Server>PNE', 'Server>GW'],
  channels: ['sk'],
  source: 'protocol 0.3',
  body: struct({}),
});
