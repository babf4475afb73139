import {
  Addressee,
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  data,
  dataAnswer,
  PneState,
  PnOperation,
  pnRegistrationRequest,
  pnRegistrationResponse,
  pnUpdateRequest,
  RemoveReason,
  Status,
  sessionAcknowledgement,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, expect, it } from 'vitest';
import { begin, established, GatewayDouble, newPnId, PneDouble, proofsOf, registrationOf } from './devices.js';
import { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;

beforeEach(async () => {
  rig = new Rig();
  await rig.user();
  gateway = await GatewayDouble.connected(rig);
  laptop = await PneDouble.of(gateway, 'laptop');
});

const refused = { status: Status.ServerError };

it('Connection setup fails as a whole, and works when there is room again', async () => {
  for (const which of [1, 2]) {
    const other = new GatewayDouble(rig, await rig.enrol(`gateway-${which}`));
    other.connect();
    await rig.settle();
    const before = rig.enabler.gauges();
    let count = 0;
    const { inClear } = other;
    other.inClear = (...args) => {
      if (++count === which) rig.failing = 1;
      return inClear.apply(other, args as never);
    };
    await expect(other.setUp()).rejects.toMatchObject(refused);
    expect(rig.enabler.gauges()).toEqual(before);
    other.inClear = inClear;
    await other.setUp();
  }
});

it('PN Registration Request leaves no challenge, and can be repeated as it is', async () => {
  const pnId = newPnId(rig);
  const body = registrationOf(gateway, [laptop], pnId);
  const transaction = rig.entropy.bytes(16);
  rig.failing = 1;
  await expect(gateway.request(pnRegistrationRequest, body, transaction)).rejects.toMatchObject(refused);
  expect(rig.enabler.gauges()).toMatchObject({ challenges: 0, requests: 0 });
  const challenge = bodyOf(await gateway.request(pnRegistrationRequest, body, transaction), authenticationRequest);
  expect(challenge.pnes).toMatchObject([{ status: Status.Success }]);
});

it('a PN is registered whole or not at all', async () => {
  const begun = await begin(gateway, [laptop]);
  const before = rig.enabler.gauges();
  rig.failing = 1;
  await expect(gateway.request(authenticationResponses, proofsOf(begun, [laptop]))).rejects.toMatchObject(refused);
  const { reads } = rig.db;
  expect([reads.pns.list(), reads.devices.find(laptop.entityId)?.cpnsId]).toEqual([[], undefined]);
  expect(rig.enabler.gauges()).toMatchObject({ sessions: before.sessions, challenges: 0, requests: 0 });
  expect((await begin(gateway, [laptop])).challenge.pnes).toMatchObject([{ status: Status.Success }]);
});

it('a member stays Unconfirmed until its acknowledgement is durable', async () => {
  const begun = await begin(gateway, [laptop]);
  const { pnId } = begun;
  const response = bodyOf(await gateway.request(authenticationResponses, proofsOf(begun, [laptop])), pnRegistrationResponse);
  laptop.confirm(pnId, response.pnes[0] ?? {});
  rig.failing = 1;
  const [record] = laptop.records(pnId, sessionAcknowledgement, { inventoryVersion: 1 });
  await expect(gateway.carry(pnId, laptop.entityId, record as Uint8Array)).rejects.toMatchObject({ code: 'DiskFull' });
  expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.state).toBe(PneState.Authenticated);
  // The broker sent no PUBACK, so the same record comes again.
  await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
  expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.state).toBe(PneState.Member);
});

it('PN Update removes nobody and tells nobody', async () => {
  const board = await PneDouble.of(gateway, 'board');
  const pnId = await established(gateway, [laptop, board]);
  rig.failing = 1;
  const body = { pnId: fromHex(pnId), operation: PnOperation.Remove, pnes: [board.entityId], reason: RemoveReason.Expelled };
  await expect(gateway.request(pnUpdateRequest, body)).rejects.toMatchObject(refused);
  expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 1, keyEpoch: 1 });
  expect(rig.db.reads.outbox.total().messages).toBe(0);
  expect([...laptop.arrived, ...board.arrived]).toEqual([]);
  await gateway.request(pnUpdateRequest, body);
  expect(rig.db.reads.pns.find(pnId)).toMatchObject({ version: 2, keyEpoch: 2 });
});

it('data is not acknowledged before it is stored', async () => {
  const pnId = await established(gateway, [laptop]);
  const id = rig.entropy.bytes(16);
  const body = { data: { id, from: laptop.entityId, to: Addressee.Server, channel: 'c', contentType: 't', payload: new Uint8Array(3) } };
  rig.failing = 1;
  await expect(laptop.request(pnId, data, body)).rejects.toMatchObject(refused);
  expect(rig.db.reads.receivedData.latest(1)).toEqual([]);
  expect(bodyOf(await laptop.request(pnId, data, body), dataAnswer).receipt.status).toBe(Status.Success);
});

it('revocation that failed is reported, and takes nothing away', async () => {
  const pnId = await established(gateway, [laptop]);
  rig.failing = 1;
  await expect(rig.enabler.revokeDevice(laptop.entityId)).rejects.toMatchObject({ code: 'DiskFull' });
  expect(rig.db.reads.devices.find(laptop.entityId)?.state).toBe('active');
  expect(rig.db.reads.pns.members(pnId)).toHaveLength(1);
  expect(rig.broker.disconnected).toEqual([]);
  expect(rig.enabler.gauges()).toMatchObject({ sessions: 2 });
});
