import { CpnsError, type SgId } from '@cpns/shared';
import {
  type AnyMessage,
  type BodyOf,
  bodyOf,
  type Envelope,
  groupKeyAck,
  groupKeyDelivery,
  groupKeyResyncRequest,
  pending,
  ResyncReason,
  refusal,
  SgAction,
  Status,
  sgActionRequest,
  sgActionResponse,
  sgCreateRequest,
  sgData,
  sgDataAnswer,
  sgDiscoveryRequest,
  sgDiscoveryResponse,
  sgInventoryNotice,
  sgObjectChangeRequest,
  sgObjectRequest,
  sgObjectResponse,
  sgOwnerTransferRequest,
  sgOwnerTransferResponse,
  sgReleaseRequest,
  statusName,
} from '@cpns/shared/messages';
import { fromHex, GroupKey, GroupMessages, toHex } from '@cpns/shared/security';
import { GROUP_AT_SERVER } from '@cpns/shared/testing';
import { describe } from 'vitest';
import { coversGroups, driveTable } from '../../../shared/test/compliance/outcome-compliance.js';
import { established, GatewayDouble, PneDouble } from './devices.js';
import { GroupDevice, grouped } from './group-devices.js';
import { provider, Rig } from './rig.js';

/** Leaves and joins have become a rekey by then. */
const SETTLED_MS = 6_000;
/** Whoever has not acknowledged a rekey has been told again by then. */
const TOLD_AGAIN_MS = 6_000;
/** Each member asked for its keys once, and may do so again. */
const KEYED_MS = 10_000;

/** Devices of one user: the board, behind a PN GW of its own, says all; the phone owns the group, and the radio is in it. */
interface Place {
  readonly rig: Rig;
  readonly sgId: SgId;
  readonly board: GroupDevice;
  readonly phone: GroupDevice;
  readonly radio: GroupDevice;
  /** In no group. */
  readonly watch: GroupDevice;
  /** What the board was asked, as long as its word is waited for. */
  readonly asked?: Envelope | undefined;
}

type Name = 'board' | 'phone' | 'radio';

async function home(): Promise<Omit<Place, 'sgId'>> {
  const rig = new Rig({ limits: { requestBurstPerPne: 1_000 } });
  rig.hasGroups = true;
  await rig.user();
  const [west, east] = [await GatewayDouble.connected(rig, 'west'), await GatewayDouble.connected(rig, 'east')];
  const board = await PneDouble.of(west, 'board');
  const others = [await PneDouble.of(east, 'phone'), await PneDouble.of(east, 'radio'), await PneDouble.of(east, 'watch')];
  const [pnWest, pnEast] = [await established(west, [board]), await established(east, others)];
  const [phone, radio, watch] = others.map((pne) => new GroupDevice(rig, pne, pnEast)) as [GroupDevice, GroupDevice, GroupDevice];
  return { rig, board: new GroupDevice(rig, board, pnWest), phone, radio, watch };
}

/** A group of the first with the others. */
async function group(...names: readonly [Name, ...Name[]]): Promise<Place> {
  const there = await home();
  const [owner, ...others] = names.map((name) => there[name]);
  const sgId = await grouped(owner as GroupDevice, others);
  await there.rig.pass(KEYED_MS);
  return { ...there, sgId };
}

/** Somebody begins what waits for the board's word. */
async function asking<M extends AnyMessage>(place: Place, type: M, body: BodyOf<M>): Promise<Place> {
  const { phone, board, rig } = place;
  await (phone.device as PneDouble).request(phone.pnId as NonNullable<typeof phone.pnId>, type, body);
  await rig.settle();
  const [asked] = board.device.takeEnvelopes(type);
  return { ...place, asked };
}

const STATES: Readonly<Record<string, () => Promise<Place>>> = {
  Unknown: async () => {
    const there = await home();
    return { ...there, sgId: toHex(there.rig.entropy.bytes(16)) as SgId };
  },
  Stranger: () => group('phone', 'radio'),
  Asked: async () => {
    const place = await group('phone', 'radio');
    const { phone, board, sgId } = place;
    return asking(place, sgActionRequest, {
      sgId: fromHex(sgId),
      action: SgAction.Invite,
      origin: phone.entityId,
      targets: [board.entityId],
    });
  },
  Member: () => group('phone', 'radio', 'board'),
  Offered: async () => {
    const place = await group('phone', 'radio', 'board');
    const { phone, board, sgId } = place;
    return asking(place, sgOwnerTransferRequest, { pne: phone.entityId, sgId: fromHex(sgId), candidate: board.entityId });
  },
  Owner: () => group('board', 'phone', 'radio'),
  Released: async () => {
    const place = await group('phone', 'radio', 'board');
    await said(place, place.phone, sgReleaseRequest, { sgId: fromHex(place.sgId) });
    return place;
  },
};

/** The status that somebody is answered with, or what comes; what waits for somebody else: Pending. */
async function said<M extends AnyMessage>({ rig }: Place, { device, pnId }: GroupDevice, type: M, body: BodyOf<M>): Promise<string> {
  const transaction = rig.entropy.bytes(16);
  try {
    const first = await (device as PneDouble).request(pnId as NonNullable<typeof pnId>, type, body, transaction);
    if (first.number !== pending.number) return read(first);
    await rig.pass(SETTLED_MS);
    return read(device.arrived.findLast((envelope) => toHex(envelope.transaction) === toHex(transaction)) ?? first);
  } catch (error) {
    if (!(error instanceof CpnsError)) throw error;
    return statusName(error.status ?? Status.ServerError);
  }
}

function read(envelope: Envelope): string {
  const type = envelope.type ?? refusal;
  const { status } = bodyOf(envelope, type) as { readonly status?: number };
  return status === undefined ? type.name : statusName(status);
}

const acting = (action: SgAction, target: (place: Place) => GroupDevice) => (place: Place) =>
  said(place, place.board, sgActionRequest, {
    sgId: fromHex(place.sgId),
    action,
    origin: place.board.entityId,
    targets: [target(place).entityId],
  });

/** An answer, to what was asked or to nothing; `taken`: who waited for it goes on. */
async function answered<M extends AnyMessage>({ rig, board, phone, asked }: Place, to: AnyMessage, type: M, body: BodyOf<M>) {
  const before = phone.device.arrived.length;
  if (asked?.number === to.number) await board.answer(asked, type, body);
  else await board.notify(type, body);
  await rig.pass(SETTLED_MS);
  return phone.device.arrived.slice(before).some(({ number }) => number === type.number) ? 'taken' : 'ignored';
}

/** The radio leaves, and the board says that it has the new key; `taken`: it is not told again. */
async function acknowledged({ rig, board, radio, sgId }: Place): Promise<string> {
  board.gateway.take(groupKeyDelivery);
  if (rig.db.reads.groups.find(sgId) !== undefined) await radio.leave(sgId);
  const isTold = board.gateway.take(groupKeyDelivery).length > 0;
  await board.notify(groupKeyAck, { sgId: fromHex(sgId), epoch: rig.db.reads.groups.find(sgId)?.epoch ?? 1 });
  await rig.pass(TOLD_AGAIN_MS);
  return isTold && board.gateway.take(groupKeyDelivery).length === 0 ? 'taken' : 'ignored';
}

/** The board's PN GW brings a message that one of them sealed as the board's; who gets it is the other PN GW. */
async function talked({ rig, board, phone, sgId }: Place, sealer: GroupDevice): Promise<string> {
  const messages = new GroupMessages(fromHex(sgId), { provider, entropy: rig.entropy, self: sealer.entityId, bootCounter: 1 });
  messages.install({ epoch: 1n, key: new GroupKey('Group Key', new Uint8Array(32).fill(1)), graceMs: 0 }, 0);
  for (const { gateway } of [board, phone]) gateway.take(sgInventoryNotice);
  const { gateway } = board;
  await gateway.notify(sgData, { sgId: fromHex(sgId), from: board.entityId, message: messages.seal(new Uint8Array(10), 0) });
  await rig.settle();
  if (phone.gateway.take(sgData).length > 0) return sgData.name;
  return gateway.take(sgInventoryNotice).length > 0 ? sgInventoryNotice.name : 'ignored';
}

const OBJECT = 'ab'.repeat(32);
/** Shares what somebody holds. */
const shared = (place: Place, holder: GroupDevice) =>
  said(place, place.board, sgObjectChangeRequest, {
    sgId: fromHex(place.sgId),
    objectId: OBJECT,
    holder: holder.entityId,
    sharing: { name: 'song', type: 'text/plain' },
  });

const ROWS: Readonly<Record<string, (place: Place) => Promise<string>>> = {
  'SGCreateRequest, of another group': (place) => said(place, place.board, sgCreateRequest, { name: 'another', members: [], objects: [] }),
  'SGActionRequest, join': acting(SgAction.Join, ({ board }) => board),
  'SGActionRequest, leave': acting(SgAction.Leave, ({ board }) => board),
  'SGActionRequest, invite': acting(SgAction.Invite, ({ watch }) => watch),
  'SGActionRequest, expel': acting(SgAction.Expel, ({ radio }) => radio),
  'SGActionResponse, yes': (place) =>
    answered(place, sgActionRequest, sgActionResponse, { status: Status.Success, sgId: fromHex(place.sgId) }),
  SGReleaseRequest: (place) => said(place, place.board, sgReleaseRequest, { sgId: fromHex(place.sgId) }),
  'SG Discovery Request, of that group': async ({ board, sgId }) => {
    const body = { origin: board.entityId, memberReq: true, sgId: fromHex(sgId) };
    const [info] = (await board.request(sgDiscoveryRequest, body, sgDiscoveryResponse)).groups;
    return info === undefined ? 'nothing' : info.members === undefined ? 'the group' : 'the group, members';
  },
  'SG Owner Transfer Request': (place) =>
    said(place, place.board, sgOwnerTransferRequest, {
      pne: place.board.entityId,
      sgId: fromHex(place.sgId),
      candidate: place.radio.entityId,
    }),
  'SG Owner Transfer Response, yes': (place) =>
    answered(place, sgOwnerTransferRequest, sgOwnerTransferResponse, {
      accept: true,
      pne: place.phone.entityId,
      sgId: fromHex(place.sgId),
    }),
  'Group Key Resync Request': (place) =>
    said(place, place.board, groupKeyResyncRequest, { sgId: fromHex(place.sgId), epoch: 0, reason: ResyncReason.Gap }),
  'Group Key Ack': acknowledged,
  'SG Object Request, of none': (place) =>
    said(place, place.board, sgObjectRequest, {
      sgId: fromHex(place.sgId),
      objectId: OBJECT,
      holder: place.radio.entityId,
      origin: place.board.entityId,
      index: 0,
    }),
  'SG Object Change Request, of its own': (place) => shared(place, place.board),
  'SG Object Change Request, of another': (place) => shared(place, place.radio),
  'SG Object Response, to nothing': (place) => answered(place, sgObjectRequest, sgObjectResponse, { status: Status.Success, index: 0 }),
  'SG Data Answer, to nothing': async ({ rig, board: { gateway }, sgId }) => {
    const before = [gateway.arrived.length, rig.db.reads.groups.find(sgId)?.version];
    await gateway.notify(sgDataAnswer, { missing: [gateway.entityId] });
    await rig.settle();
    return gateway.arrived.length === before[0] && rig.db.reads.groups.find(sgId)?.version === before[1] ? 'ignored' : 'an effect';
  },
  'SG Data, of the sender': (place) => talked(place, place.board),
  'SG Data, in the name of the sender': (place) => talked(place, place.phone),
};

function stateOf({ rig, sgId, board }: Place): string {
  const { groups } = rig.db.reads;
  const found = groups.find(sgId);
  if (found === undefined) return 'Released';
  if (found.owner === board.entityId) return 'Owner';
  return groups.member(sgId, board.entityId) === undefined ? 'Stranger' : 'Member';
}

describe('what the server makes of a message about a service group', () => {
  coversGroups(GROUP_AT_SERVER, (directions) => directions.includes('PNE>Server') || directions.includes('GW>Server'));
  driveTable(GROUP_AT_SERVER, STATES, ROWS, stateOf);
});
