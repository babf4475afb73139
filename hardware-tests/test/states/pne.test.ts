import {
  advertisingKey,
  authenticationRequestToPne,
  authenticationResponses,
  capabilitiesExchange,
  capabilitiesQueryRequest,
  data,
  entityDiscoveryRequest,
  heartbeat,
  inventoryNotice,
  pnData,
  pnEstablishmentNotify,
  pneInviteRequest,
  pneNotificationExpel,
  pnMembershipWithKey,
  pnRegistrationRequest,
  pnReleaseNotification,
  pnSetupAck,
  pnSetupInvitation,
  pnUpdateNotification,
  RemoveReason,
  relay,
  Status,
  sessionUnknown,
  unknownPn,
  unpair,
  zoneAnnouncement,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { PN_AT_PNE } from '@cpns/shared/testing';
import { describe } from 'vitest';
import { driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { SERVER_ID } from '../../rigs/simulation/device.js';
import { BOARD_ID, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';
import { begun, heldUp, leaving, member, nowhere, out, type Place } from './places.js';
import { dataFor, others, outcomeOf, outcomeOfServers, pnNamed, type Sent, sent, stage } from './stage.js';

const ones = (octets: number) => new Uint8Array(octets).fill(1);

const STATES: Readonly<Record<string, () => Promise<Place>>> = {
  Discovered: nowhere,
  Invited: async () => {
    const on = await stage([PHONE_ID]);
    const { networks } = on.home.laptop.device;
    await begun(
      on,
      networks.establish({ type: 'named', pnes: [PHONE_ID] }, undefined, () => {}, never()),
    );
    return { on, pnId: pnNamed(on.parties.laptop, pnSetupInvitation, 2) };
  },
  Requested: () => heldUp(pnRegistrationRequest),
  Challenged: () => heldUp(authenticationResponses),
  Member: () => member(),
  Leaving: leaving,
  Out: out,
};

const said = ({ on }: Place, message: Sent) => outcomeOf(on, 'laptop', 'phone', message);
const sealed = ({ on }: Place, type: Sent['type'], body: unknown) => outcomeOfServers(on, 'phone', type, body);
const pn = ({ pnId }: Place) => ({ pnId: fromHex(pnId) });
const ROWS: Readonly<Record<string, (place: Place) => Promise<string>>> = {
  'Entity Discovery Request': (place) => said(place, sent({ type: entityDiscoveryRequest, body: { mode: 2, pns: [] } })),
  'Device Capabilities Exchange': (place) =>
    said(place, sent({ type: capabilitiesExchange, body: { capabilities: place.on.home.laptop.device.roles.octets } })),
  'Zone Announcement': (place) => said(place, sent({ type: zoneAnnouncement, body: { zone: true, gateway: LAPTOP_ID } })),
  'Advertising Key': (place) => said(place, sent({ type: advertisingKey, body: { kAdv: ones(16) } })),
  Unpair: (place) => said(place, sent({ type: unpair, body: {} })),
  'PN Setup Ack': (place) => said(place, sent({ type: pnSetupAck, body: pn(place) })),
  'PN Setup Request (PN GW to PNE)': (place) => said(place, sent({ type: pnSetupInvitation, body: { initiator: BOARD_ID, ...pn(place) } })),
  'PNE Invite Request': (place) =>
    said(place, sent({ type: pneInviteRequest, body: { ...pn(place), inviter: BOARD_ID, invited: PHONE_ID } })),
  'Authentication Request (PN GW to PNE), not of the server': (place) => {
    const challenge = {
      version: 1,
      suite: 1,
      idServer: SERVER_ID,
      idGw: LAPTOP_ID,
      ...pn(place),
      randServer: ones(32),
      eServer: ones(32),
      wrapped: ones(48),
    };
    return said(place, sent({ type: authenticationRequestToPne, body: { challenge }, pan: place.pnId }));
  },
  'PN Establishment Notify, of success without proof': (place) =>
    said(
      place,
      sent({
        type: pnEstablishmentNotify,
        body: { status: Status.Success, ...pn(place), hashServer: ones(32), record: ones(100) },
        pan: place.pnId,
      }),
    ),
  'PN Establishment Notify, of failure': (place) =>
    said(place, sent({ type: pnEstablishmentNotify, body: { status: Status.Timeout, ...pn(place) }, pan: place.pnId })),
  'PN Membership with Group Key': (place) =>
    said(place, sent({ type: pnMembershipWithKey, body: { ...pn(place), epoch: 9, key: ones(32), graceMs: 0 }, pan: place.pnId })),
  'PN Update Notification': (place) =>
    said(place, sent({ type: pnUpdateNotification, body: { ...pn(place), record: ones(100) }, pan: place.pnId })),
  Relay: (place) => said(place, sent({ type: relay, body: { ...pn(place), pne: PHONE_ID, record: ones(100) }, pan: place.pnId })),
  SessionUnknown: (place) => said(place, sent({ type: sessionUnknown, body: { sid: ones(8) } })),
  'PN Data, not under the PN key': (place) =>
    said(place, sent({ type: pnData, body: { ...pn(place), from: BOARD_ID, to: PHONE_ID, message: ones(100) }, pan: place.pnId })),
  'Device Capabilities Query Request': (place) => said(place, sent({ type: capabilitiesQueryRequest, body: { target: PHONE_ID } })),
  'UnknownPN, in the link session': (place) => said(place, sent({ type: unknownPn, body: pn(place) })),
  'UnknownPN, in the PAN session': (place) =>
    place.on.home.laptop.device.linkTo(PHONE_ID)?.hasPan(place.pnId)
      ? said(place, sent({ type: unknownPn, body: pn(place), pan: place.pnId }))
      : Promise.resolve('no session'),
  'PNE Notification (Expel), of the PN GW': (place) =>
    said(place, sent({ type: pneNotificationExpel, body: { ...pn(place), reason: RemoveReason.Expelled }, pan: place.pnId })),
  'PN Release Notification, of the PN GW': (place) => said(place, sent({ type: pnReleaseNotification, body: pn(place), pan: place.pnId })),
  Heartbeat: (place) => sealed(place, heartbeat, { serverTimeMs: 0, pns: [], sgs: [], serverKeysHash: ones(32) }),
  Data: (place) => sealed(place, data, dataFor(PHONE_ID)),
  'Inventory Notice': (place) => {
    const add = [
      { entityId: LAPTOP_ID, gateway: true },
      { entityId: PHONE_ID, gateway: false },
    ];
    return sealed(place, inventoryNotice, {
      inventory: { ...pn(place), version: 9, gateway: LAPTOP_ID, i: 0, n: 1, add, remove: [] },
      pnKeyEpoch: 1,
    });
  },
  'UnknownPN, of the server': (place) => sealed(place, unknownPn, pn(place)),
  'PNE Notification (Expel), of the server': (place) =>
    sealed(place, pneNotificationExpel, { ...pn(place), reason: RemoveReason.Expelled }),
  'PN Release Notification, of the server': (place) => sealed(place, pnReleaseNotification, pn(place)),
  ...others('laptop', 'phone', [PN_AT_PNE]),
};

function has({ on, pnId }: Place): string {
  return on.home.phone.device.state.pn(pnId) === undefined ? 'Out' : 'Member';
}

describe('what a PNE makes of a message, by its state in the PN', () => driveTable(PN_AT_PNE, STATES, ROWS, has));
