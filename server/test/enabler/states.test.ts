import { CpnsError, type EntityId, type PnId } from '@cpns/shared';
import {
  Addressee,
  authenticationRequest,
  authenticationResponses,
  authorizationResponse,
  bodyOf,
  capabilitiesUpdate,
  catalogue,
  connectionSetupRequest,
  data,
  type Envelope,
  PneAction,
  PneState,
  PnOperation,
  pneRegistrationForward,
  pneRequest,
  pnKeyRequest,
  pnMembershipRequest,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnReleaseRequest,
  pnUpdateRequest,
  RequestFlow,
  reconcile,
  refusal,
  SetupType,
  Status,
  sessionAcknowledgement,
  sessionUnknown,
  statusName,
  struct,
} from '@cpns/shared/messages';
import { fromHex, skHeader } from '@cpns/shared/security';
import { PN_AT_SERVER, PNE_AT_SERVER } from '@cpns/shared/testing';
import { beforeEach, describe } from 'vitest';
import { driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { begin, capabilities, established, GatewayDouble, newPnId, PneDouble, proofsOf } from './devices.js';
import { Rig } from './rig.js';

/** What a PN GW asks for, about one PN and one PNE. */
interface Place {
  readonly pnId: PnId;
  readonly pne: PneDouble;
}

let rig: Rig;
let gateway: GatewayDouble;
let phone: PneDouble;
let watch: PneDouble;
beforeEach(async () => {
  rig = new Rig({ limits: { requestsPerSecondPerPne: 1_000, requestBurstPerPne: 1_000 } });
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  phone = await PneDouble.of(gateway, 'phone');
  watch = await PneDouble.of(gateway, 'watch');
});

const randGw = () => rig.entropy.bytes(32);
const REQUESTS: Readonly<Record<string, (place: Place) => Promise<Envelope>>> = {
  'PN Membership Request': ({ pnId, pne }) =>
    gateway.request(pnMembershipRequest, {
      pnId: fromHex(pnId),
      initiator: pne.entityId,
      setupType: SetupType.Named,
      candidates: [pne.entityId],
    }),
  'PN Registration Request': ({ pnId, pne }) =>
    gateway.request(pnRegistrationRequest, {
      pnId: fromHex(pnId),
      gatewayCapabilities: capabilities,
      initiator: gateway.entityId,
      randGw: randGw(),
      shareMembers: true,
      pnes: [pne.hello({ flow: RequestFlow.Consent, consent: true })],
    }),
  'PN Key Request': ({ pnId }) => gateway.request(pnKeyRequest, { pnId: fromHex(pnId) }),
  'PN Update Request, add, invited': ({ pnId, pne }) => {
    const hellos = [pne.hello({ flow: RequestFlow.Invite, consent: true })];
    const body = { pnId: fromHex(pnId), operation: PnOperation.Add, pnes: [pne.entityId], hellos, randGw: randGw() };
    return gateway.request(pnUpdateRequest, body);
  },
  'PN Update Request, add, pending': ({ pnId, pne }) =>
    gateway.request(pnUpdateRequest, { pnId: fromHex(pnId), operation: PnOperation.Add, pnes: [pne.entityId] }),
  'PN Update Request, remove': ({ pnId, pne }) =>
    gateway.request(pnUpdateRequest, { pnId: fromHex(pnId), operation: PnOperation.Remove, pnes: [pne.entityId] }),
  'PNE Request, join': ({ pnId, pne }) => {
    const hello = pne.hello({ flow: RequestFlow.Join });
    return gateway.request(pneRequest, { action: PneAction.Join, pnId: fromHex(pnId), pne: pne.entityId, hello, randGw: randGw() });
  },
  'PNE Request, leave': ({ pnId, pne }) => gateway.request(pneRequest, { action: PneAction.Leave, pnId: fromHex(pnId), pne: pne.entityId }),
  'PNE Registration Request (PN GW to Server), member': ({ pnId, pne }) => {
    const hello = pne.hello({ flow: RequestFlow.RegisterMember });
    return gateway.request(pneRegistrationForward, { pnId: fromHex(pnId), hello, randGw: randGw() });
  },
  'PNE Registration Request (PN GW to Server), newcomer': ({ pnId, pne }) => {
    const hello = pne.hello({ flow: RequestFlow.RegisterNewcomer });
    return gateway.request(pneRegistrationForward, { pnId: fromHex(pnId), hello, randGw: randGw() });
  },
  'PN Release Request, by the PNE': ({ pnId, pne }) => gateway.request(pnReleaseRequest, { pnId: fromHex(pnId), initiator: pne.entityId }),
  'Authentication Response (PN GW to Server), of no run': ({ pnId, pne }) =>
    gateway.request(authenticationResponses, {
      pnId: fromHex(pnId),
      randServer: randGw(),
      pnes: [{ pne: pne.entityId, hashPne: randGw() }],
    }),
  'Device Capabilities Update': () => gateway.request(capabilitiesUpdate, { capabilities }),
  Data: () => gateway.request(data, dataOf(gateway.entityId)),
  'Connection Setup Request (PN GW)': () => {
    const { request: _request, capabilities: _capabilities, localEuKeyNeeded: _needed, ...hello } = gateway.begin().hello;
    return gateway.inClear(connectionSetupRequest, { hello });
  },
  'Authentication and Authorization Response, of no run': () => gateway.inClear(authorizationResponse, { hashPne: randGw() }),
  Reconcile: ({ pnId }) =>
    gateway.request(reconcile, { pns: [{ pnId: fromHex(pnId), inventoryVersion: 1, pnKeyEpoch: 1, state: PneState.Member }] }),
};

/** Of the PNE, in its own session for that PN. */
const OF_PNE: Readonly<Record<string, (place: Place) => Promise<Envelope>>> = {
  'Reconcile, of the PNE': ({ pnId, pne }) =>
    pne.request(pnId, reconcile, { pns: [{ pnId: fromHex(pnId), inventoryVersion: 1, pnKeyEpoch: 1, state: PneState.Member }] }),
  'PNE Request, leave, of the PNE': ({ pnId, pne }) =>
    pne.request(pnId, pneRequest, { action: PneAction.Leave, pnId: fromHex(pnId), pne: pne.entityId }),
  'Device Capabilities Update, of the PNE': ({ pnId, pne }) => pne.request(pnId, capabilitiesUpdate, { capabilities }),
  'Data, of the PNE': ({ pnId, pne }) => pne.request(pnId, data, dataOf(pne.entityId)),
};
/** Nobody answers them. */
const NOTIFIES: Readonly<Record<string, (place: Place) => Promise<void>>> = {
  'Session Acknowledgement': () => gateway.notify(sessionAcknowledgement, { inventoryVersion: 0 }),
  'Session Acknowledgement, of the PNE': ({ pnId, pne }) => pne.notify(pnId, sessionAcknowledgement, { inventoryVersion: 9 }),
  'Relay, of no session': ({ pnId, pne }) => gateway.carry(pnId, pne.entityId, recordOfNoSession()),
};
const dataOf = (from: EntityId) => ({
  data: { id: rig.entropy.bytes(16), from, to: Addressee.Server, channel: 'c', contentType: 't', payload: new Uint8Array(9) },
});
function recordOfNoSession(): Uint8Array {
  const sealed = new Uint8Array(64);
  return Uint8Array.of(...skHeader(new Uint8Array(8), new Uint8Array(8), 1n, sealed.length), ...sealed);
}

/** The status that an answer gives, or what it is. */
function read(envelope: Envelope): string {
  if (envelope.number === authenticationRequest.number) return 'challenge';
  const type = envelope.type ?? refusal;
  const { status, pns, pnes, receipt } = bodyOf(envelope, type) as {
    readonly status?: number;
    readonly pns?: readonly { readonly status: number }[];
    readonly pnes?: readonly { readonly status: number }[];
    readonly receipt?: { readonly status: number };
  };
  const said = pnes?.[0]?.status ?? status ?? pns?.[0]?.status ?? receipt?.status;
  return said === undefined ? type.name : statusName(said);
}

async function outcomeOf(request: Promise<Envelope>): Promise<string> {
  try {
    return read(await request);
  } catch (error) {
    if (gateway.take(sessionUnknown).length > 0) return sessionUnknown.name;
    if (!(error instanceof CpnsError)) throw error;
    return statusName(error.status ?? Status.ServerError);
  }
}

async function consequenceOf(notify: Promise<void>): Promise<string> {
  await notify;
  if (gateway.take(sessionUnknown).length > 0) return sessionUnknown.name;
  return 'ignored';
}

/** Every message that has no row: of the PN GW, with an empty body. */
const others = (kind: 'refused' | 'ignored') => async () => {
  const named = new Set([...PN_AT_SERVER.rows, ...PNE_AT_SERVER.rows].map(({ message }) => message));
  for (const type of catalogue.values()) {
    if (named.has(type) || (type.kind === 'request') !== (kind === 'refused')) continue;
    const before = gateway.arrived.length;
    const bare = { ...type, body: struct({}) };
    if (kind === 'ignored') await gateway.notify(bare, {});
    else if ((await outcomeOf(gateway.request(bare, {}))) !== 'BadMessage') return type.name;
    if (gateway.arrived.length !== before) return type.name;
  }
  return kind;
};

const ROWS: Readonly<Record<string, (place: Place) => Promise<string>>> = {
  ...mapped(REQUESTS, (request) => (place) => outcomeOf(request(place))),
  ...mapped(OF_PNE, (request) => async (place) => (place.pne.channels.has(place.pnId) ? outcomeOf(request(place)) : 'no session')),
  ...mapped(
    NOTIFIES,
    (notify, name) => async (place) =>
      name.endsWith('of the PNE') && !place.pne.channels.has(place.pnId) ? 'no session' : consequenceOf(notify(place)),
  ),
  'every other request': others('refused'),
  'everything else': others('ignored'),
};

function mapped<A, B>(from: Readonly<Record<string, A>>, to: (value: A, name: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(from).map(([name, value]) => [name, to(value, name)]));
}

/** The PNE is in none. */
const PN_STATES: Readonly<Record<string, () => Promise<PnId>>> = {
  Absent: async () => newPnId(rig),
  Authenticating: async () => (await begin(gateway, [phone])).pnId,
  Established: () => established(gateway, [phone]),
  Released: async () => {
    const pnId = await established(gateway, [phone]);
    await gateway.request(pnReleaseRequest, { pnId: fromHex(pnId), initiator: gateway.entityId });
    return pnId;
  },
};

/** The PN stands. */
const PNE_STATES: Readonly<Record<string, () => Promise<PnId>>> = {
  Discovered: () => established(gateway, [phone]),
  Requested: async () => {
    const pnId = await established(gateway, [phone]);
    await REQUESTS['PNE Request, join']?.({ pnId, pne: watch });
    return pnId;
  },
  Challenged: async () => {
    const pnId = await established(gateway, [phone]);
    await REQUESTS['PN Update Request, add, pending']?.({ pnId, pne: watch });
    return pnId;
  },
  Authenticated: async () => {
    const begun = await begin(gateway, [phone, watch]);
    const { pnes } = bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, [phone, watch])), pnRegistrationResponse);
    watch.confirm(begun.pnId, pnes.find(({ pne }) => pne === watch.entityId) ?? {});
    return begun.pnId;
  },
  Member: () => established(gateway, [phone, watch]),
  Out: async () => {
    const pnId = await established(gateway, [phone, watch]);
    await REQUESTS['PNE Request, leave']?.({ pnId, pne: watch });
    return pnId;
  },
};

const places = (states: Readonly<Record<string, () => Promise<PnId>>>) =>
  mapped(states, (begin) => async (): Promise<Place> => ({ pnId: await begin(), pne: watch }));
function stateOf({ pnId, pne }: Place): string {
  if (rig.db.reads.pns.find(pnId) === undefined) return 'Absent';
  return rig.db.reads.pns.members(pnId).some(({ entityId }) => entityId === pne.entityId) ? 'Member' : 'Out';
}

describe('what the server makes of a message, by the state of the PN', () => driveTable(PN_AT_SERVER, places(PN_STATES), ROWS, stateOf));

describe('what the server makes of a message, by the state of the PNE', () => driveTable(PNE_AT_SERVER, places(PNE_STATES), ROWS, stateOf));
