import type { PnId } from '@cpns/shared';
import {
  Addressee,
  authenticationRequest,
  authenticationResponses,
  bodyOf,
  contents,
  data,
  dataAnswer,
  inventoryNotice,
  PneState,
  PnOperation,
  pneRegistrationForward,
  pneRegistrationResponse,
  pnUpdateRequest,
  RemoveReason,
  RequestFlow,
  SetupType,
  Status,
  toOctets,
} from '@cpns/shared/messages';
import { fromHex } from '@cpns/shared/security';
import { beforeEach, describe, expect, it } from 'vitest';
import { established, GatewayDouble, home, newPnId, PneDouble } from './devices.js';
import type { Rig } from './rig.js';

let rig: Rig;
let gateway: GatewayDouble;
let laptop: PneDouble;
let board: PneDouble;
let pnId: PnId;

beforeEach(async () => {
  ({ rig, gateway, laptop, board } = await home('laptop', 'board'));
  pnId = await established(gateway, [laptop, board]);
});

/** Seed 001 figure 4, as a PN GW carries it. */
async function register(pne: PneDouble, id = pnId, through = gateway, hello = pne.hello({ flow: RequestFlow.RegisterMember })) {
  const forward = { pnId: fromHex(id), hello, randGw: rig.entropy.bytes(32) };
  const challenge = bodyOf(await through.request(pneRegistrationForward, forward), authenticationRequest);
  const pnes = [{ pne: pne.entityId, hashPne: pne.prove(id, challenge) }];
  const answer = await through.request(authenticationResponses, { pnId: fromHex(id), randServer: challenge.randServer, pnes });
  const response = bodyOf(answer, pneRegistrationResponse);
  expect(response.status).toBe(Status.Success);
  return pne.confirm(id, response);
}

const message = () => ({
  data: {
    id: rig.entropy.bytes(16),
    from: laptop.entityId,
    to: Addressee.Server,
    channel: 'c',
    contentType: 't',
    payload: new Uint8Array(1),
  },
});

describe('PNE Registration of a member', () => {
  it('gives it a new session after a restart of the server, and the same CPNS ID', async () => {
    const { cpnsId } = laptop.confirmed ?? {};
    rig.restart();
    await gateway.setUp();
    const confirm = await register(laptop);
    expect(confirm).toMatchObject({ status: Status.Success, cpnsId, inventory: { version: 1, gateway: gateway.entityId } });
    expect(bodyOf(await laptop.request(pnId, data, message()), dataAnswer).receipt.status).toBe(Status.Success);
    expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.state).toBe(PneState.Member);
  });

  it('keeps the old session until the new one is confirmed', async () => {
    const [record] = laptop.records(pnId, data, message());
    const [later] = laptop.records(pnId, data, message());
    await register(laptop);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 4 });
    await gateway.carry(pnId, laptop.entityId, record as Uint8Array);
    await laptop.acknowledge(pnId);
    await gateway.carry(pnId, laptop.entityId, later as Uint8Array);
    expect(rig.db.reads.receivedData.latest(10)).toHaveLength(2);
    await rig.pass(60_000);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 3 });
  });

  it('once more before that takes the place of the unconfirmed one', async () => {
    await register(laptop);
    await register(laptop);
    expect(rig.enabler.gauges()).toMatchObject({ sessions: 4 });
  });

  it('makes an Unconfirmed one a member', async () => {
    await rig.db.transact((tx) => tx.pns.setMemberState(pnId, laptop.entityId, PneState.Authenticated));
    rig.restart();
    await gateway.setUp();
    await register(laptop);
    expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.state).toBe(PneState.Authenticated);
    await laptop.acknowledge(pnId);
    expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.state).toBe(PneState.Member);
  });

  it('with other contents tells the others', async () => {
    const offered = [{ contentId: 'a', name: 'Album', type: 'audio/mpeg', chargeable: false }];
    const confirm = await register(laptop, pnId, gateway, laptop.hello({ flow: RequestFlow.RegisterMember, contents: offered }));
    expect(confirm.inventory?.version).toBe(2);
    expect(rig.db.reads.pns.member(pnId, laptop.entityId)?.contents).toEqual(toOctets(contents, offered));
    expect(board.take(inventoryNotice)[0]?.inventory.version).toBe(2);
  });
});

describe('the sealed word on a membership', () => {
  it('is UnknownPN for a PN that does not exist, and no session is kept', async () => {
    const sessions = rig.enabler.gauges().sessions;
    const confirm = await register(laptop, newPnId(rig));
    expect(confirm.status).toBe(Status.UnknownPn);
    expect(confirm).not.toHaveProperty('inventory');
    expect(rig.enabler.gauges()).toMatchObject({ sessions, challenges: 0 });
  });

  it('is NotMember for one that was removed', async () => {
    const body = { pnId: fromHex(pnId), operation: PnOperation.Remove, pnes: [board.entityId], reason: RemoveReason.Expelled };
    await gateway.request(pnUpdateRequest, body);
    expect((await register(board)).status).toBe(Status.NotMember);
    expect(rig.db.reads.pns.members(pnId)).toHaveLength(1);
  });

  it('says nothing final through a PN GW that is not the one of the PN', async () => {
    const other = await GatewayDouble.connected(rig, 'gateway-2');
    const moved = new PneDouble(other, laptop.device);
    expect((await register(moved, pnId, other)).status).toBe(Status.WrongState);
  });
});

describe('PNE Registration refuses', () => {
  const forward = (hello: ReturnType<PneDouble['hello']>) => ({ pnId: fromHex(pnId), hello, randGw: rig.entropy.bytes(32) });

  it.each([
    ['a hello of another flow', () => laptop.hello({ flow: RequestFlow.Setup, setupType: SetupType.OneToOne })],
    ['an unknown device', () => new PneDouble(gateway, rig.stranger('nobody')).hello({ flow: RequestFlow.RegisterMember })],
    ['an altered hello', () => ({ ...laptop.hello({ flow: RequestFlow.RegisterMember }), randPne: new Uint8Array(32) })],
  ])('%s', async (_what, hello) => {
    await expect(gateway.request(pneRegistrationForward, forward(hello()))).rejects.toMatchObject({ status: Status.AuthFailed });
    expect(rig.enabler.gauges()).toMatchObject({ challenges: 0 });
  });

  it('a wrong proof, and the session before goes on', async () => {
    const challenge = bodyOf(
      await gateway.request(pneRegistrationForward, forward(laptop.hello({ flow: RequestFlow.RegisterMember }))),
      authenticationRequest,
    );
    const body = { pnId: fromHex(pnId), randServer: challenge.randServer, pnes: [{ pne: laptop.entityId, hashPne: new Uint8Array(32) }] };
    const response = bodyOf(await gateway.request(authenticationResponses, body), pneRegistrationResponse);
    expect(response).toEqual({ status: Status.AuthFailed, pnId: fromHex(pnId) });
    expect(bodyOf(await laptop.request(pnId, data, message()), dataAnswer).receipt.status).toBe(Status.Success);
  });

  it('a hello that was used before', async () => {
    const hello = laptop.hello({ flow: RequestFlow.RegisterMember });
    await gateway.request(pneRegistrationForward, forward(hello));
    await expect(gateway.request(pneRegistrationForward, forward(hello))).rejects.toMatchObject({ status: Status.Duplicate });
  });
});
