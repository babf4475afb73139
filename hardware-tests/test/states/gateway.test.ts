import { pnIdText } from '@cpns/agent';
import type { PnId } from '@cpns/shared';
import {
  advertisingKey,
  authenticationResponses,
  capabilitiesExchange,
  capabilitiesQueryRequest,
  data,
  entityDiscoveryRequest,
  type Hello,
  type HelloRequest,
  heartbeat,
  helloRequest,
  inventoryNotice,
  PneAction,
  PneState,
  panHandshake1,
  panHandshake3,
  pnData,
  pneConfirmRequest,
  pneConnectionSetupRequest,
  pneInviteRequest,
  pneRegistrationRequest,
  pneRequest,
  pnRegistrationRequest,
  pnReleaseRequest,
  pnSetupAck,
  pnSetupRequest,
  pnUpdateRequest,
  RequestFlow,
  reconcile,
  relay,
  SetupType,
  sessionUnknown,
  statusManagementRequest,
  toOctets,
  unknownPn,
  unpair,
  zoneAnnouncement,
} from '@cpns/shared/messages';
import { nativeProvider as provider } from '@cpns/shared/node';
import { fromHex, PneHandshake } from '@cpns/shared/security';
import { InsecureSeededEntropy, PN_AT_GATEWAY, PNE_AT_GATEWAY } from '@cpns/shared/testing';
import { describe } from 'vitest';
import { driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { SERVER_ID } from '../../rigs/simulation/device.js';
import { BOARD_ID, LAPTOP_ID, never, PHONE_ID } from '../simulation/household.js';
import { begun, heldUp, leaving, member, nowhere, out, type Place } from './places.js';
import { dataFor, others, outcomeOf, outcomeOfServers, pnNamed, type Sent, type Stage, sent, stage } from './stage.js';

const entropy = new InsecureSeededEntropy('states');

async function withoutPhone(on: Stage): Promise<PnId> {
  const { home } = on;
  const { record } = await home.clock.run(home.board.device.networks.establish({ type: 'one-to-one' }, undefined, () => {}, never()));
  await home.clock.advance(1_000);
  return pnIdText(record.pnId);
}

const PN_STATES: Readonly<Record<string, () => Promise<Place>>> = {
  Absent: nowhere,
  Forming: async () => {
    const on = await stage([BOARD_ID]);
    await begun(
      on,
      on.home.phone.device.networks.establish({ type: 'all' }, undefined, () => {}, never()),
    );
    return { on, pnId: pnNamed(on.parties.laptop, pnSetupAck) };
  },
  Registering: () => heldUp(pnRegistrationRequest),
  Authenticating: () => heldUp(authenticationResponses),
  Established: () => member(),
  Releasing: async () => {
    const place = await member();
    place.on.hold(pnReleaseRequest);
    await begun(place.on, place.on.home.laptop.device.networks.release(place.pnId));
    return place;
  },
};

/** The phone joins, and the PN GW's message of that type gets lost. */
async function joining(type: typeof pneRequest | typeof authenticationResponses): Promise<Place> {
  const on = await stage();
  const pnId = await withoutPhone(on);
  on.hold(type);
  await begun(on, on.home.phone.device.networks.join(pnId, undefined, never()));
  return { on, pnId };
}

const PNE_STATES: Readonly<Record<string, () => Promise<Place>>> = {
  Discovered: async () => {
    const on = await stage();
    return { on, pnId: await withoutPhone(on) };
  },
  Requested: () => joining(pneRequest),
  Challenged: () => joining(authenticationResponses),
  Member: () => member(),
  Leaving: leaving,
  Expelling: async () => {
    const place = await member();
    place.on.hold(pnUpdateRequest);
    await begun(place.on, place.on.home.laptop.device.networks.expel(PHONE_ID, place.pnId));
    await place.on.home.clock.advance(500);
    return place;
  },
  Out: out,
};

function hello({ on }: Place, flow: RequestFlow, more: Partial<HelloRequest> = {}): Hello {
  const { phone } = on.home;
  return PneHandshake.begin({
    provider,
    entropy,
    root: phone.root,
    idServer: SERVER_ID,
    idPne: PHONE_ID,
    idGw: LAPTOP_ID,
    capabilities: phone.device.roles.octets,
    request: toOctets(helloRequest, { version: 1, suite: 1, flow, ...more }),
    localEuKeyNeeded: true,
    requireForwardSecrecy: true,
  }).hello;
}

const asked = (place: Place, message: Sent) => outcomeOf(place.on, 'phone', 'laptop', message);
const pn = ({ pnId }: Place) => ({ pnId: fromHex(pnId) });
const ROWS: Readonly<Record<string, (place: Place) => Promise<string>>> = {
  'Entity Discovery Request': (place) => asked(place, sent({ type: entityDiscoveryRequest, body: { mode: 1, pns: [] } })),
  'Device Capabilities Exchange': (place) =>
    asked(place, sent({ type: capabilitiesExchange, body: { capabilities: place.on.home.phone.device.roles.octets } })),
  'Zone Announcement': (place) => asked(place, sent({ type: zoneAnnouncement, body: { zone: true, gateway: PHONE_ID } })),
  'PN Setup Ack': (place) => asked(place, sent({ type: pnSetupAck, body: pn(place) })),
  'Advertising Key': (place) => asked(place, sent({ type: advertisingKey, body: { kAdv: new Uint8Array(16) } })),
  Unpair: (place) => asked(place, sent({ type: unpair, body: {} })),
  'Connection Setup Request (PNE)': (place) => asked(place, sent({ type: pneConnectionSetupRequest, body: {} })),
  'PN Setup Request (PNE to PN GW)': (place) =>
    asked(
      place,
      sent({ type: pnSetupRequest, body: { hello: hello(place, RequestFlow.Setup, { setupType: SetupType.OneToOne, consent: true }) } }),
    ),
  'PNE Registration Request (PNE to PN GW), member': (place) =>
    asked(
      place,
      sent({ type: pneRegistrationRequest, body: { ...pn(place), hello: hello(place, RequestFlow.RegisterMember) }, pan: place.pnId }),
    ),
  'PNE Registration Request (PNE to PN GW), newcomer': (place) =>
    asked(
      place,
      sent({ type: pneRegistrationRequest, body: { ...pn(place), hello: hello(place, RequestFlow.RegisterNewcomer) }, pan: place.pnId }),
    ),
  'PNE Request, join': (place) =>
    asked(
      place,
      sent({
        type: pneRequest,
        body: { action: PneAction.Join, ...pn(place), pne: PHONE_ID, hello: hello(place, RequestFlow.Join) },
        pan: place.pnId,
      }),
    ),
  'PNE Request, leave': (place) =>
    asked(place, sent({ type: pneRequest, body: { action: PneAction.Leave, ...pn(place), pne: PHONE_ID }, pan: place.pnId })),
  'PNE Invite Request': (place) =>
    asked(place, sent({ type: pneInviteRequest, body: { ...pn(place), inviter: PHONE_ID, invited: BOARD_ID }, pan: place.pnId })),
  'PN Release Request': (place) =>
    asked(place, sent({ type: pnReleaseRequest, body: { ...pn(place), initiator: PHONE_ID }, pan: place.pnId })),
  'PAN Handshake 1': (place) => {
    const header = place.on.home.phone.device.state.localEuKey(place.pnId, LAPTOP_ID)?.header ?? new Uint8Array(1);
    const body = {
      ...pn(place),
      a: entropy.bytes(32),
      ePneLocal: provider.x25519Public(entropy.bytes(32)),
      headerHash: provider.sha256(header),
    };
    return asked(place, sent({ type: panHandshake1, body }));
  },
  'PAN Handshake 3': (place) => asked(place, sent({ type: panHandshake3, body: { ...pn(place), hashPneL: new Uint8Array(32) } })),
  Reconcile: (place) =>
    asked(place, sent({ type: reconcile, body: { pns: [{ ...pn(place), inventoryVersion: 1, pnKeyEpoch: 1, state: PneState.Member }] } })),
  'Relay, of the PNE': (place) =>
    asked(place, sent({ type: relay, body: { ...pn(place), pne: PHONE_ID, record: new Uint8Array(100).fill(3) }, pan: place.pnId })),
  'PN Data': (place) =>
    asked(
      place,
      sent({ type: pnData, body: { ...pn(place), from: PHONE_ID, to: BOARD_ID, message: new Uint8Array(100) }, pan: place.pnId }),
    ),
  Heartbeat: ({ on }) =>
    outcomeOfServers(on, 'laptop', heartbeat, { serverTimeMs: 0, pns: [], sgs: [], serverKeysHash: new Uint8Array(32) }),
  'Inventory Notice': ({ on, pnId }) => {
    const add = [
      { entityId: LAPTOP_ID, gateway: true },
      { entityId: BOARD_ID, gateway: false },
    ];
    const inventory = { pnId: fromHex(pnId), version: 9, gateway: LAPTOP_ID, i: 0, n: 1, add, remove: [] };
    return outcomeOfServers(on, 'laptop', inventoryNotice, { inventory, pnKeyEpoch: 1 });
  },
  UnknownPN: (place) => outcomeOfServers(place.on, 'laptop', unknownPn, pn(place)),
  'Device Capabilities Query Request': ({ on }) => outcomeOfServers(on, 'laptop', capabilitiesQueryRequest, { target: PHONE_ID }),
  'Status Management Update Request': ({ on }) => outcomeOfServers(on, 'laptop', statusManagementRequest, {}),
  'PNE Confirm Request': ({ on, pnId }) =>
    outcomeOfServers(on, 'laptop', pneConfirmRequest, {
      pne: PHONE_ID,
      pnId: fromHex(pnId),
      gateway: BOARD_ID,
      gatewayUser: 'bob',
      services: [],
      headerHash: new Uint8Array(32),
    }),
  'Relay, of the server': (place) =>
    outcomeOfServers(place.on, 'laptop', relay, { ...pn(place), pne: PHONE_ID, record: new Uint8Array(100).fill(3) }),
  Data: ({ on }) => outcomeOfServers(on, 'laptop', data, dataFor(LAPTOP_ID)),
  SessionUnknown: ({ on }) => outcomeOfServers(on, 'laptop', sessionUnknown, { sid: new Uint8Array(8), pne: PHONE_ID }),
  ...others('phone', 'laptop', [PN_AT_GATEWAY, PNE_AT_GATEWAY]),
};

/** What the PN GW has of the PN, and of the phone in it. */
function has({ on, pnId }: Place): string {
  const record = on.home.laptop.device.state.pn(pnId);
  if (record === undefined) return 'Absent';
  if (record.state === 3) return 'Releasing';
  return record.members.some(({ entityId }) => entityId === PHONE_ID) ? 'Member' : 'Out';
}

describe('what a PN GW makes of a message, by the state of the PN', () => driveTable(PN_AT_GATEWAY, PN_STATES, ROWS, has));

describe('what a PN GW makes of a message, by the state of its PNE', () => driveTable(PNE_AT_GATEWAY, PNE_STATES, ROWS, has));
