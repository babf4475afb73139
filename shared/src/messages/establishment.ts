import {
  capabilitiesField,
  cpnsIdField,
  entityIdField,
  epochField,
  macField,
  nonceField,
  offeredKeyField,
  pnIdField,
  recordField,
  serverIdField,
  statusField,
  wrappedKeyField,
} from './fields.js';
import { challenge, hello, serverKey } from './hello.js';
import { inventory } from './inventory.js';
import { defineMessage } from './message-type.js';
import { bool, bytes, field, list, optional, struct, text } from './schema.js';
import { subscription } from './subscription.js';

/** PNEs of one PN Registration at most; the rest are invited afterwards (protocol 0.16). */
export const MAX_PNES_PER_REGISTRATION = 32;

const seed = (steps: string) => `seed 003 6.6.1.1 ${steps}`;

/** The outcome for one PNE of a request about several (protocol 0.5). */
export const pneOutcome = struct({ pne: field(1, entityIdField), status: field(2, statusField) });

export const pnSetupRequest = defineMessage({
  number: 64,
  name: 'PN Setup Request (PNE to PN GW)',
  kind: 'request',
  directions: ['PNE>GW'],
  channels: ['link'],
  source: seed('step 1'),
  body: struct({ hello: field(1, hello) }),
});
/** The PN ID that the gateway picked; the initiator accepts only this one in the challenge. */
export const pnSetupAck = defineMessage({
  number: 65,
  name: 'PN Setup Ack',
  kind: 'notify',
  directions: ['GW>PNE'],
  channels: ['link'],
  source: 'protocol e.30',
  body: struct({ pnId: field(1, pnIdField) }),
});
export const pnSetupInvitation = defineMessage({
  number: 66,
  name: 'PN Setup Request (PN GW to PNE)',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['link'],
  source: seed('step 2'),
  body: struct({ initiator: field(1, entityIdField), pnId: field(2, pnIdField) }),
});
/** Consent or refusal of an invited PNE. */
export const pnSetupConsent = defineMessage({
  number: 67,
  name: 'PN Setup Response (PNE to PN GW)',
  kind: 'answer',
  directions: ['PNE>GW'],
  channels: ['link'],
  source: seed('step 3'),
  body: struct({ pnId: field(1, pnIdField), status: field(2, statusField), hello: optional(3, hello) }),
});
export const pnRegistrationRequest = defineMessage({
  number: 68,
  name: 'PN Registration Request',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: seed('step 4'),
  body: struct({
    pnId: field(1, pnIdField),
    gatewayCapabilities: field(2, capabilitiesField),
    subscription: optional(3, subscription),
    initiator: field(4, entityIdField),
    randGw: field(5, nonceField),
    shareMembers: field(6, bool),
    pnes: field(7, list(hello, MAX_PNES_PER_REGISTRATION, 1)),
  }),
});
/** Challenge for all PNEs of a request; a PNE with a status other than Success is out already. */
export const authenticationRequest = defineMessage({
  number: 69,
  name: 'Authentication Request (Server to PN GW)',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: seed('step 5'),
  body: struct({
    idServer: field(1, serverIdField),
    randServer: field(2, nonceField),
    pnId: field(3, pnIdField),
    pnes: field(
      4,
      list(
        struct({
          pne: field(1, entityIdField),
          status: field(2, statusField),
          eServer: field(3, offeredKeyField),
          wrapped: field(4, wrappedKeyField),
          wrappedForGateway: field(5, wrappedKeyField),
        }),
        MAX_PNES_PER_REGISTRATION,
      ),
    ),
  }),
});
export const authenticationRequestToPne = defineMessage({
  number: 70,
  name: 'Authentication Request (PN GW to PNE)',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['link', 'pan'],
  source: seed('steps 6, 7'),
  body: struct({ challenge: field(1, challenge) }),
});
export const authenticationResponse = defineMessage({
  number: 71,
  name: 'Authentication Response (PNE to PN GW)',
  kind: 'answer',
  directions: ['PNE>GW'],
  channels: ['link', 'pan'],
  source: seed('steps 8, 9'),
  body: struct({ pnId: field(1, pnIdField), hashPne: field(2, macField) }),
});
/** All answers in one message; a PNE that did not answer has no hash. */
export const authenticationResponses = defineMessage({
  number: 72,
  name: 'Authentication Response (PN GW to Server)',
  kind: 'request',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: seed('step 10'),
  body: struct({
    pnId: field(1, pnIdField),
    randServer: field(2, nonceField),
    pnes: field(3, list(struct({ pne: field(1, entityIdField), hashPne: optional(2, macField) }), MAX_PNES_PER_REGISTRATION)),
  }),
});
const registered = struct({
  pne: field(1, entityIdField),
  status: field(2, statusField),
  hashServer: optional(3, macField),
  record: optional(4, recordField),
});
/** `record` of each PNE is its first s2p record: {@link sessionConfirm}. */
export const pnRegistrationResponse = defineMessage({
  number: 73,
  name: 'PN Registration Response',
  kind: 'answer',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: seed('step 12'),
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    pnes: field(3, list(registered, MAX_PNES_PER_REGISTRATION)),
    inventory: optional(4, inventory),
  }),
});
/** Final notice to the initiator. */
export const pnSetupResponse = defineMessage({
  number: 74,
  name: 'PN Setup Response (PN GW to PNE)',
  kind: 'answer',
  directions: ['GW>PNE'],
  channels: ['pan', 'link'],
  source: seed('step 14'),
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    hashServer: optional(3, macField),
    record: optional(4, recordField),
    outcomes: field(5, list(pneOutcome, 1000)),
  }),
});
/** Final notice to every PNE that did not ask; also known as PN Setup Notify and PN Notify. Answered by Ack once stored. */
export const pnEstablishmentNotify = defineMessage({
  number: 75,
  name: 'PN Establishment Notify',
  kind: 'request',
  directions: ['GW>PNE'],
  channels: ['pan', 'link'],
  source: seed('step 15'),
  body: struct({
    status: field(1, statusField),
    pnId: field(2, pnIdField),
    hashServer: optional(3, macField),
    record: optional(4, recordField),
  }),
});
export const pneConfirmRequest = defineMessage({
  number: 76,
  name: 'PNE Confirm Request',
  kind: 'request',
  directions: ['Server>GW'],
  channels: ['sk'],
  source: 'seed 004 step 8',
  body: struct({
    pne: field(1, entityIdField),
    pnId: field(2, pnIdField),
    gateway: field(3, entityIdField),
    gatewayUser: field(4, text(32)),
    services: field(5, list(text(32), 32)),
    headerHash: field(6, bytes(32)),
  }),
});
export const pneConfirmResponse = defineMessage({
  number: 77,
  name: 'PNE Confirm Response',
  kind: 'answer',
  directions: ['GW>Server'],
  channels: ['sk'],
  source: 'seed 004 step 9',
  body: struct({ headerHash: field(1, bytes(32)), belongs: field(2, bool), chargeable: field(3, bool), reason: optional(4, text(128)) }),
});
/** First s2p record of a new session: response code, keys and the receiver's own view of the PN Inventory. */
export const sessionConfirm = defineMessage({
  number: 78,
  name: 'Session Confirm',
  kind: 'notify',
  directions: ['Server>GW', 'Server>PNE'],
  channels: ['sk'],
  source: 'security 1.3',
  body: struct({
    status: field(1, statusField),
    cpnsId: field(2, cpnsIdField),
    serverKeys: field(3, list(serverKey, 4)),
    inventory: optional(4, inventory),
    subscription: optional(5, subscription),
  }),
});
/** First p2s record of a new session; until it arrives the PNE is Unconfirmed at the server. */
export const sessionAcknowledgement = defineMessage({
  number: 79,
  name: 'Session Acknowledgement',
  kind: 'notify',
  directions: ['GW>Server', 'PNE>Server'],
  channels: ['sk'],
  source: 'protocol 0.13',
  body: struct({ inventoryVersion: field(1, epochField) }),
});
